import { createHash, timingSafeEqual } from 'node:crypto';
import fastifyCookie from '@fastify/cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../../errors/domain-error.ts';
import { ADMIN_API_PATH, routeOf } from '../../http/route.ts';
import { cookieName, cookieOptions } from './cookies.ts';
import { assertSameOrigin } from './same-origin.ts';
import { type Right, rightNeeded, rightsOf } from './rights.ts';
import type { Role } from '../../config/user-roles.ts';
import type { Session, Sessions } from './sessions.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The operator or program that sends this request; null if not authenticated. */
    admin: Admin | null;
  }
}

export interface Admin {
  /** Its name in the audit log. */
  readonly actor: string;
  readonly role: Role;
  /** Null for a program with a token. */
  readonly session: Session | null;
}

interface Token {
  readonly name: string;
  readonly secret: string;
}

export const SESSION_PATH = `${ADMIN_API_PATH}session`;

const COOKIE = 'face_api_session';
const BEARER = /^Bearer (.+)$/i;
const SAFE_METHODS = new Set(['GET', 'HEAD']);

/**
 * Requires a session or a token for the API of the console, and the right that the route needs, before the body is read.
 * It applies to every route below the path, including later ones: one whose right is not stated is forbidden.
 */
export async function registerAdminGate(
  fastify: FastifyInstance,
  sessions: Sessions,
  tokens: readonly Token[],
): Promise<void> {
  await fastify.register(fastifyCookie);
  fastify.decorateRequest('admin', null);
  const digests = tokens.map(({ name, secret }) => ({ name, digest: sha256(secret) }));
  fastify.addHook('onRequest', async (request, reply) => {
    const route = routeOf(request);
    if (!route.startsWith(ADMIN_API_PATH)) return;
    void reply.header('cache-control', 'no-store');
    const needed = rightNeeded(request.method, route);
    if (needed === 'none') {
      if (!SAFE_METHODS.has(request.method)) assertSameOrigin(request);
      return;
    }
    const bearer = BEARER.exec(request.headers.authorization ?? '')?.[1];
    request.admin = bearer === undefined ? await adminBySession(request, sessions) : adminByToken(bearer, digests);
    if (!request.admin) {
      throw new DomainError('unauthorized', 'Log in at /admin, or send a bearer token (FACE_API_ADMIN_TOKENS)', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    }
    if (request.admin.session && !SAFE_METHODS.has(request.method)) assertSameOrigin(request);
    assertRight(request.admin, needed);
  });
}

/** @throws DomainError forbidden */
function assertRight({ role }: Admin, needed: Right | undefined): void {
  if (needed !== undefined && rightsOf(role).includes(needed)) return;
  throw new DomainError(
    'forbidden',
    `The role ${role} does not include the right ${needed ?? 'to this request'}. Ask somebody who has it, or an administrator`,
  );
}

/** @returns null if the request has no cookie of a valid session */
export async function adminBySession(request: FastifyRequest, sessions: Sessions): Promise<Admin | null> {
  const id = request.cookies[cookieName(request, COOKIE)];
  // An open page polls, and says so if nobody has used it for a while.
  const isUse = request.headers['x-idle'] === undefined;
  const session = id === undefined ? null : await sessions.resume(id, isUse);
  return session && toAdmin(session);
}

export function toAdmin(session: Session): Admin {
  const { name, role, isExternal } = session.account;
  // Somebody else may have the same name at the identity provider.
  return { actor: name === null ? 'console' : `${isExternal ? 'openid' : 'user'}:${name}`, role, session };
}

/** Whether the browser had a session, which may have ended. */
export function hasSessionCookie(request: FastifyRequest): boolean {
  return request.cookies[cookieName(request, COOKIE)] !== undefined;
}

/** Compares all digests, so that the time taken reveals nothing about them. */
function adminByToken(bearer: string, digests: readonly { name: string; digest: Buffer }[]): Admin | null {
  const given = sha256(bearer);
  const matching = digests.filter(({ digest }) => timingSafeEqual(digest, given));
  return matching[0] ? { actor: `token:${matching[0].name}`, role: 'admin', session: null } : null;
}

export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, { id, expiresAt }: Session): void {
  void reply.setCookie(cookieName(request, COOKIE), id, { ...cookieOptions(request, 'strict'), expires: expiresAt });
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply): void {
  void reply.clearCookie(cookieName(request, COOKIE), cookieOptions(request, 'strict'));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
