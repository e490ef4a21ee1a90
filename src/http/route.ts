import { NotFoundException } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ErrorCode } from '../errors/domain-error.ts';

/** Under which operators and programs of theirs are served, behind a guard of its own. */
export const ADMIN_API_PATH = '/api/v1/admin/';

/**
 * The pattern of the route that serves the request, '' where none does. What guards a route asks for this and never for
 * the address as sent, which may be written in many ways (`/%61pi/…`) and still find its route.
 */
export function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? '';
}

/** Refuses what no route serves before a byte of its body is read: it holds no slot. */
export function refuseUnknownRoutes(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    done(request.is404 ? new NotFoundException() : undefined);
  });
}

/** A route that takes an image, as `@TakesImage` declares it. Its requests need a slot. */
export interface ImageRoute {
  /**
   * What is done with the image, and the kind of its job; of a rerun, each request says whether it detects or masks.
   * Absent: nothing is inferred, no job is stored, and the statistics do not count it.
   */
  readonly kind?: 'detect' | 'mask' | 'rerun';
  /** Schema of the options that come beside the image in the body. Absent: the image is a stored one. */
  readonly options?: z.ZodObject;
  /** How it fails beside the ways in which all routes with an image may. */
  readonly problems?: readonly ErrorCode[];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    image?: ImageRoute;
  }
}

export function imageRouteOf(request: FastifyRequest): ImageRoute | undefined {
  return request.routeOptions.config.image;
}

/** The image comes in the request's body, which may be long. */
export function takesUpload(request: FastifyRequest): boolean {
  return imageRouteOf(request)?.options !== undefined;
}
