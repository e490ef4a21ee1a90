import type { ApiHeaderOptions } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { IDEMPOTENCY_HOURS } from '../config/idempotency.ts';
import { DomainError, type ErrorCode } from '../errors/domain-error.ts';

export const IDEMPOTENCY_HEADER: ApiHeaderOptions = {
  name: 'Idempotency-Key',
  required: false,
  description: `1 to 255 visible ASCII characters, such as a UUID. With storage on: repeating the request with the same key within ${IDEMPOTENCY_HOURS} hours returns the first answer, with the header Idempotency-Replayed: true; another request with this key gets 422`,
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

/** Problems of requests that may have a key */
export const IDEMPOTENCY_PROBLEMS = [
  'already_running',
  'idempotency_mismatch',
  'storage_unavailable',
] as const satisfies ErrorCode[];

/**
 * @returns null: the request has none
 * @throws DomainError invalid_request
 */
export function idempotencyKeyOf({ headers }: FastifyRequest): string | null {
  const given = headers['idempotency-key'];
  if (given === undefined) return null;
  if (typeof given === 'string' && /^[\x21-\x7e]{1,255}$/.test(given)) return given;
  throw new DomainError('invalid_request', 'The header Idempotency-Key takes 1 to 255 visible ASCII characters');
}
