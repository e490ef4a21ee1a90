import type { FastifyRequest } from 'fastify';

/** Under which operators and programs of theirs are served, behind a guard of its own. */
export const ADMIN_API_PATH = '/api/v1/admin/';

/**
 * The pattern of the route that serves the request, '' where none does. What guards a route asks for this and never for
 * the address as sent, which may be written in many ways (`/%61pi/…`) and still find its route.
 */
export function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? '';
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The handler works on an image: its request needs a slot. */
    takesImage?: true;
    /** The image comes in the request's body, which may be long. */
    takesUpload?: true;
  }
}
