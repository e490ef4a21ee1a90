import type { FastifyRequest } from 'fastify';

/** `__Host-`: browsers accept it only over TLS and only from this host, so that no other host can set it. */
export function cookieName({ protocol }: FastifyRequest, name: string): string {
  return protocol === 'https' ? `__Host-${name}` : name;
}

/** @param sameSite lax: the cookie is also sent when another site sends the browser here */
export function cookieOptions({ protocol }: FastifyRequest, sameSite: 'strict' | 'lax') {
  return { path: '/', httpOnly: true, sameSite, secure: protocol === 'https' } as const;
}
