import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { DomainError } from '../errors/domain-error.ts';
import { readAtMost } from '../files/chunks.ts';
import { decodeBase64 } from './base64.ts';
import { JsonUpload, tooLarge } from './bodies.ts';
import { pace } from './pace.ts';
import { MAX_OPTIONS_BYTES } from './json-text.ts';
import { describeMistakes } from './mistakes.ts';
import { fromText, isList } from './option-text.ts';

export interface Upload<Options = Readonly<Record<string, unknown>>> {
  readonly image: Uint8Array<ArrayBuffer>;
  readonly options: Options;
}

/**
 * The image and its options, however they were sent: as multipart/form-data, as a raw body, or as JSON, which may have its
 * URL instead; the options as form fields or members, and as query parameters. An option that is given more than once is
 * rejected, except a list: its entries are joined.
 * @throws DomainError invalid_request, invalid_option, upload_too_large, unsupported_content_type
 */
export async function readUpload<Schema extends z.ZodObject>(
  request: FastifyRequest,
  schema: Schema,
  maxUploadBytes: number,
  fetchImage: FetchImage,
): Promise<Upload<z.infer<Schema>>> {
  const inQuery = fromText(onceEach(request.query as Record<string, unknown>, schema), schema);
  const { image, options: inBody } = await readBody(request, schema, maxUploadBytes, fetchImage);
  if (image.length === 0) throw new DomainError('invalid_request', 'The image is empty');
  const inBoth = Object.keys(inBody).filter((name) => Object.hasOwn(inQuery, name));
  if (inBoth.length > 0) throw repeated(inBoth);
  return { image: transferable(image), options: parseOptions(schema, { ...inQuery, ...inBody }) };
}

/** Fetches the image of a URL in the request. */
type FetchImage = (url: string) => Promise<Buffer>;

interface Parts {
  readonly image: Buffer;
  readonly options: Record<string, unknown>;
}

async function readBody(
  request: FastifyRequest,
  schema: z.ZodObject,
  maxUploadBytes: number,
  fetchImage: FetchImage,
): Promise<Parts> {
  if (Buffer.isBuffer(request.body)) return { image: request.body, options: {} };
  if (!request.isMultipart()) return readJson(request.body, maxUploadBytes, fetchImage);
  try {
    return await readForm(request, schema, maxUploadBytes);
  } catch (error) {
    // The rest of the body is discarded, so that the client can read the response.
    request.raw.unpipe().resume();
    throw formError(error);
  }
}

async function readForm(request: FastifyRequest, schema: z.ZodObject, maxUploadBytes: number): Promise<Parts> {
  const fields: [name: string, text: string][] = [];
  let fieldBytes = 0;
  let image: Buffer | undefined;
  pace(request.raw);
  for await (const part of request.parts()) {
    if (part.type === 'field') throw new DomainError('internal', 'The form parser returned an unexpected part');
    const { fieldname: name, file } = part;
    // Some clients send no file name; others use another name for the part.
    const isFile =
      name === 'file' ||
      (part.filename as string | undefined) !== undefined ||
      part.mimetype === 'application/octet-stream';
    if (!isFile) {
      const text = await readAtMost(file, MAX_OPTIONS_BYTES - fieldBytes);
      if (text === null) throw new DomainError('invalid_option', `The field ${shortened(name)} is too long`);
      fieldBytes += text.length;
      fields.push([name, text.toString()]);
    } else if (name !== 'file') {
      throw new DomainError('invalid_request', `The file is in the part "${shortened(name)}"; send it as "file"`);
    } else if (image) {
      throw new DomainError('invalid_request', 'The form has more than one file: send one, in the part "file"');
    } else {
      image = (await readAtMost(file, maxUploadBytes)) ?? undefined;
      if (!image || file.truncated) throw tooLarge(maxUploadBytes);
    }
  }
  if (!image) throw new DomainError('invalid_request', 'The image is missing: send it as a file in the part "file"');
  return { image, options: fromText(onceEach(grouped(fields), schema), schema) };
}

function grouped(fields: readonly [name: string, text: string][]): Record<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, text] of fields) groups.set(name, [...(groups.get(name) ?? []), text]);
  return Object.fromEntries(groups);
}

/**
 * The single text of each option, or all texts of a list. Empty texts do not count, because browsers send empty fields.
 * @throws DomainError invalid_option
 */
function onceEach(given: Readonly<Record<string, unknown>>, schema: z.ZodObject): Record<string, unknown> {
  const meant = Object.entries(given)
    .map(([name, texts]) => [name, [texts].flat().filter((text) => text !== '')] as const)
    .filter(([, texts]) => texts.length > 0);
  const twice = meant.filter(([name, texts]) => texts.length > 1 && !isList(schema, name)).map(([name]) => name);
  if (twice.length > 0) throw repeated(twice);
  return Object.fromEntries(meant.map(([name, texts]) => [name, texts.length === 1 ? texts[0] : texts]));
}

/** If one of them were ignored, a region could stay visible. */
function repeated(names: readonly string[]): DomainError {
  const named = names.slice(0, 10).map(shortened).join(', ');
  const detail = `${named}: given more than once. Send each option once, either in the URL or in the body`;
  return new DomainError('invalid_option', detail);
}

function shortened(name: string | undefined): string {
  return (name ?? '').slice(0, 40);
}

/** The parser reports a form with too many parts as too large, and a malformed one without a status. */
export function formError(
  error: unknown,
  tooManyParts = 'The form has too many parts: send one file, and each option once',
): unknown {
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  if (code !== undefined && /^FST_(FILES|FIELDS|PARTS)_LIMIT$/.test(code)) {
    return new DomainError('invalid_request', tooManyParts);
  }
  if (error instanceof DomainError || statusCode !== undefined) return error;
  return new DomainError('invalid_request', 'The multipart/form-data body is malformed or ends too early', {
    cause: error,
  });
}

async function readJson(body: unknown, maxUploadBytes: number, fetchImage: FetchImage): Promise<Parts> {
  const { value, image: base64 } = body instanceof JsonUpload ? body : { value: null, image: null };
  const { url, ...others } = (value ?? {}) as Record<string, unknown>;
  const options = Object.fromEntries(Object.entries(others).filter(([name]) => name !== 'image'));
  if (base64 !== null && url !== undefined) {
    throw new DomainError('invalid_request', 'Send either "image" or "url", not both');
  }
  if (base64 !== null) {
    const image = await decodeBase64(base64);
    if (image.length > maxUploadBytes) throw tooLarge(maxUploadBytes);
    return { image, options };
  }
  if (typeof url === 'string') return { image: await fetchImage(url), options };
  throw new DomainError(
    'invalid_request',
    'The image is missing: send multipart/form-data with a part "file", a body of type image/*, or JSON {"image": "<base64>"} or {"url": "https://…"}',
  );
}

/** @throws DomainError invalid_option */
export function parseOptions<Schema extends z.ZodType>(schema: Schema, options: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  throw new DomainError('invalid_option', describeMistakes(parsed.error.issues));
}

/** Copies a small Buffer, which shares its memory with others and cannot be transferred to a thread. */
function transferable(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && buffer.byteLength === byteLength) {
    return new Uint8Array(buffer);
  }
  return Uint8Array.from(bytes);
}
