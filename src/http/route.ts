import { NotFoundException } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ErrorCode } from '../errors/domain-error.ts';

/** Path of the API for operators and their programs, which has its own authentication. */
export const ADMIN_API_PATH = '/api/v1/admin/';

/** End of the path of a route whose request and response are JSON. */
export const JSON_SUFFIX = '/json';

/**
 * The pattern of the route that serves the request, '' if there is none. Guards must compare this and not the URL,
 * because many spellings of a URL (`/%61pi/…`) reach the same route.
 */
export function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? '';
}

/** Rejects requests that no route serves before their body is read: they hold no slot. */
export function refuseUnknownRoutes(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    done(request.is404 ? new NotFoundException() : undefined);
  });
}

/** A route that takes an image, as `@TakesImage` declares it. Its requests need a slot. */
export interface ImageRoute {
  /**
   * Kind of the job; a rerun detects or masks, as its request says. Absent: nothing is inferred, no job is stored, and
   * the statistics do not count the request.
   */
  readonly kind?: 'detect' | 'mask' | 'rerun';
  /** Schema of the options in the body, next to the image. Absent: the image is a stored one. */
  readonly options?: z.ZodObject;
  /** Problems in addition to those of all routes with an image */
  readonly problems?: readonly ErrorCode[];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    image?: ImageRoute;
    /** The body is a form with the files of a batch, which may take long to arrive, or JSON with their URLs. */
    batch?: true;
    /** The body is a form of texts, as browsers send it without a script. */
    form?: true;
  }
}

export function imageRouteOf(request: FastifyRequest): ImageRoute | undefined {
  return request.routeOptions.config.image;
}

/** Whether the body of the request contains the files of a batch */
export function takesBatch(request: FastifyRequest): boolean {
  return request.routeOptions.config.batch === true;
}

/** Whether the body of the request contains the image */
export function takesUpload(request: FastifyRequest): boolean {
  return imageRouteOf(request)?.options !== undefined;
}
