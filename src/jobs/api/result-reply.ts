import { Readable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { DomainError } from '../../errors/domain-error.ts';
import type { ResultArchive } from '../results/result-archive.ts';

/** Streams the archive, or the part of it that the client asks for (RFC 9110, 14.2: one range of bytes). */
export function resultReply(
  archive: ResultArchive,
  name: string,
  headers: { readonly range?: string | undefined; readonly 'if-range'?: string | string[] | undefined },
  reply: FastifyReply,
): StreamableFile {
  const { bytes, etag } = archive;
  const isCurrent = headers['if-range'] === undefined || headers['if-range'] === etag;
  const range = isCurrent ? readRange(headers.range, bytes) : null;
  const { start, end } = range ?? { start: 0, end: bytes };
  // The hooks and the stream together add more listeners than Node's default limit.
  reply.raw.setMaxListeners(20);
  void reply.headers({ etag, 'accept-ranges': 'bytes', 'cache-control': 'private, no-cache' });
  if (range) void reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${bytes}`);
  return new StreamableFile(Readable.from(archive.read(start, end), { objectMode: false }), {
    type: 'application/zip',
    disposition: `attachment; filename="${name}"`,
    length: end - start,
  });
}

/** @returns null: the whole archive. `end` is exclusive. @throws DomainError range_not_satisfiable */
function readRange(header: string | undefined, bytes: number): { start: number; end: number } | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return null;
  const start = first === '' ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? bytes : Math.min(bytes, Number(last) + 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return null;
  if (start < end) return { start, end };
  throw new DomainError('range_not_satisfiable', `The archive has ${bytes} bytes. Request a range within it`, {
    headers: { 'content-range': `bytes */${bytes}` },
  });
}
