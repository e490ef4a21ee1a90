import type { FastifyRequest } from 'fastify';
import type { Rendering } from '../versions.ts';

export function renderingOf({ id, context }: FastifyRequest): Rendering {
  return { requestId: id, abandoned: context.abandoned, apiKeyName: context.apiKeyName };
}
