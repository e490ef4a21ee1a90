import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { DomainError } from '../errors/domain-error.ts';
import { fromText } from './option-text.ts';

export interface Upload<Options> {
  readonly image: Uint8Array<ArrayBuffer>;
  readonly options: Options;
}

/** Options are short; a list of regions is the longest of them. */
const MAX_FIELD_BYTES = 262_144;

/** Bodies of the type image/* (or of none that is told) come as bytes; multipart is read part by part. */
export async function registerUploads(fastify: FastifyInstance, maxUploadBytes: number): Promise<void> {
  await fastify.register(multipart, {
    limits: { fileSize: maxUploadBytes, files: 1, fields: 50, fieldSize: MAX_FIELD_BYTES, parts: 51 },
  });
  // Fastify takes texts on its own; none is an image.
  fastify.removeContentTypeParser('text/plain');
  fastify.addContentTypeParser(
    /^(image\/|application\/octet-stream)/,
    { parseAs: 'buffer', bodyLimit: maxUploadBytes },
    (_request, body, done) => {
      done(null, body);
    },
  );
}

/** JSON carries the image as base64, four bytes for three, and the options. */
export function jsonBodyLimit(maxUploadBytes: number): number {
  return Math.ceil((maxUploadBytes * 4) / 3) + MAX_FIELD_BYTES;
}

/**
 * The image and its options, however they were sent: as multipart/form-data, as a raw body, or as JSON; the options
 * as form fields or members, and as query parameters. Where both name an option, the body's counts.
 * @throws DomainError invalid_request, invalid_option, upload_too_large, unsupported_content_type
 */
export async function readUpload<Schema extends z.ZodObject>(
  request: FastifyRequest,
  schema: Schema,
  maxUploadBytes: number,
): Promise<Upload<z.infer<Schema>>> {
  const query = fromText(request.query as Record<string, unknown>, schema);
  const { image, options } = request.isMultipart()
    ? await readMultipart(request, schema, maxUploadBytes).catch((error: unknown) => {
        throw formError(error);
      })
    : Buffer.isBuffer(request.body)
      ? { image: request.body, options: {} }
      : readJson(request.body, maxUploadBytes);
  if (image.length === 0) throw new DomainError('invalid_request', 'The image is empty: it has no bytes');
  return { image: transferable(image), options: parseOptions(schema, { ...query, ...options }) };
}

interface Parts {
  readonly image: Buffer;
  readonly options: Record<string, unknown>;
}

async function readMultipart(request: FastifyRequest, schema: z.ZodObject, maxUploadBytes: number): Promise<Parts> {
  const texts: Record<string, unknown> = {};
  let image: Buffer | undefined;
  for await (const part of request.parts()) {
    if (part.type === 'field') {
      if (part.valueTruncated) throw new DomainError('invalid_option', `The field ${part.fieldname} is too long`);
      texts[part.fieldname] = part.value;
    } else if (part.fieldname === 'file') {
      image = await part.toBuffer();
      if (part.file.truncated) throw tooLarge(maxUploadBytes);
    } else {
      throw new DomainError('invalid_request', `The file came in the part "${part.fieldname}"; send it as "file"`);
    }
  }
  if (!image) throw new DomainError('invalid_request', 'There is no image: send it as a file in the part "file"');
  return { image, options: fromText(texts, schema) };
}

/** The parser calls a form of too many parts too large, and gives a malformed one no status at all. */
function formError(error: unknown): unknown {
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  if (code !== undefined && /^FST_(FILES|FIELDS|PARTS)_LIMIT$/.test(code)) {
    return new DomainError('invalid_request', 'The form has too many parts: send one file, and each option once');
  }
  if (error instanceof DomainError || statusCode !== undefined) return error;
  return new DomainError('invalid_request', 'The multipart/form-data body is malformed or ends too early', {
    cause: error,
  });
}

const jsonUpload = z.looseObject({ image: z.string() });
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function readJson(body: unknown, maxUploadBytes: number): Parts {
  const parsed = jsonUpload.safeParse(body);
  if (!parsed.success) {
    throw new DomainError(
      'invalid_request',
      'There is no image: send multipart/form-data with a part "file", a body of type image/*, or JSON {"image": "<base64>"}',
    );
  }
  const { image: text, ...options } = parsed.data;
  const base64 = text.replace(/^data:[^,]{0,100};base64,/, '');
  if (!BASE64.test(base64)) throw new DomainError('invalid_request', '"image" is not base64 (RFC 4648, with + and /)');
  const image = Buffer.from(base64, 'base64');
  if (image.length > maxUploadBytes) throw tooLarge(maxUploadBytes);
  return { image, options };
}

export function tooLarge(maxUploadBytes: number): DomainError {
  return new DomainError('upload_too_large', `At most ${maxUploadBytes} bytes are taken. Send a smaller file`);
}

function parseOptions<Schema extends z.ZodObject>(schema: Schema, options: Record<string, unknown>): z.infer<Schema> {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(({ path, message }) => {
    const name = path
      .map((step, at) => (typeof step === 'number' ? `[${step}]` : (at > 0 ? '.' : '') + String(step)))
      .join('');
    return name === '' ? message : `${name}: ${message}`;
  });
  throw new DomainError('invalid_option', mistakes.join('; '));
}

/** Bytes in an ArrayBuffer of their own: a small Buffer shares its memory with others and cannot be moved. */
function transferable(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && buffer.byteLength === byteLength) {
    return new Uint8Array(buffer);
  }
  return Uint8Array.from(bytes);
}
