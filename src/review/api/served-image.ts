import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../../errors/domain-error.ts';
import { contentTypeOf } from '../../storage/objects/object-keys.ts';
import type { ObjectStore } from '../../storage/objects/object-store.ts';
import type { VersionRow } from '../../storage/records/version.entity.ts';

/**
 * The image of the version at a stable URL; undefined: the client has it already.
 * @throws DomainError not_found
 */
export async function sendServed(
  version: VersionRow | null,
  objects: ObjectStore,
  { headers }: FastifyRequest,
  reply: FastifyReply,
): Promise<Buffer | undefined> {
  const key = version?.objectKey ?? null;
  if (!version || key === null) throw noFile();
  const tag = `"${version.sha256}"`;
  // Browsers cache it but ask each time, so that an older version or an erased image is not shown any more.
  void reply.headers({ etag: tag, 'cache-control': 'private, no-cache' });
  if (headers['if-none-match'] === tag) {
    void reply.code(304);
    return undefined;
  }
  const bytes = await objects.get(key);
  if (!bytes) throw noFile();
  void reply.type(contentTypeOf(key));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function noFile(): DomainError {
  return new DomainError('not_found', 'The image has no masked result, or its file is lost. Mask it again');
}
