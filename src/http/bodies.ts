import type { IncomingMessage } from 'node:http';
import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';
import { Chunks } from '../files/chunks.ts';
import { pace } from './pace.ts';
import { type JsonLimits, MAX_OPTIONS_BYTES, type ParsedJson, parseJson } from './json-text.ts';
import { imageRouteOf, takesBatch, takesUpload } from './route.ts';

/** Maximum body of routes that take no image. The longest of these bodies is a login. */
const MAX_SMALL_BYTES = 16_384;
/** A batch as JSON: a list of URLs. Parsing it holds the event loop for some 30 ms; a form can have a longer list. */
const BATCH_LIMITS: JsonLimits = { bytes: 4_194_304, entries: 100_000 };
/** One file and all options, one of them a list of a thousand, with room for more, so that the error can name them. */
const MAX_PARTS = 1100;

/** The JSON of a request that may hold an image. */
export class JsonUpload {
  readonly value: unknown;
  readonly image: Buffer | null;

  constructor({ value, image }: ParsedJson) {
    this.value = value;
    this.image = image;
  }
}

/**
 * Sets how bodies are parsed. Every route accepts JSON; only routes that take images accept bytes and forms. The other
 * routes accept a few KB at most, because their requests need no slot.
 */
export async function registerBodies(fastify: FastifyInstance, maxUploadBytes: number): Promise<void> {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    const body = await readBody(payload, maxJsonBytes(request, maxUploadBytes));
    const parsed = toJson(body, takesBatch(request) ? BATCH_LIMITS : undefined);
    return takesUpload(request) ? new JsonUpload(parsed) : parsed.value;
  });
  fastify.addContentTypeParser(
    /^(image\/|application\/octet-stream)/,
    async (request: FastifyRequest, payload: IncomingMessage) => {
      if (!takesUpload(request)) throw unsupportedType(request);
      return readBody(payload, maxUploadBytes);
    },
  );
  fastify.addContentTypeParser(
    'application/x-www-form-urlencoded',
    async (request: FastifyRequest, payload: IncomingMessage) => {
      if (request.routeOptions.config.form !== true) throw unsupportedType(request);
      return Object.fromEntries(new URLSearchParams((await readBody(payload, MAX_SMALL_BYTES)).toString()));
    },
  );
  await fastify.register(multipart, {
    // Each part is read as a file, so that the plugin parses nothing in it and upload.ts sets the bounds.
    isPartAFile: () => true,
    throwFileSizeLimit: false,
    limits: { fileSize: maxUploadBytes, files: MAX_PARTS, parts: MAX_PARTS },
  });
  fastify.addHook('preParsing', (request, _reply, _payload, done) => {
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding.toLowerCase() !== 'identity') {
      done(unsupportedEncoding(encoding));
      return;
    }
    const isForm = /^multipart\//i.test(request.headers['content-type'] ?? '');
    const takesForm = takesUpload(request) || takesBatch(request);
    done(isForm && !takesForm ? unsupportedType(request) : undefined);
  });
}

/** JSON carries the image as base64, four bytes for three, and the options. */
export function jsonBodyLimit(maxUploadBytes: number): number {
  return Math.ceil((maxUploadBytes * 4) / 3) + MAX_OPTIONS_BYTES;
}

function maxJsonBytes(request: FastifyRequest, maxUploadBytes: number): number {
  if (takesUpload(request)) return jsonBodyLimit(maxUploadBytes);
  if (takesBatch(request)) return BATCH_LIMITS.bytes;
  return imageRouteOf(request) ? MAX_OPTIONS_BYTES : MAX_SMALL_BYTES;
}

/** @throws DomainError upload_too_large, invalid_request */
function readBody(payload: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks = new Chunks();
    const refuse = () => {
      payload.off('data', take);
      // The rest of the body is discarded, so that the client can read the response.
      payload.resume();
      reject(tooLarge(limit));
    };
    const take = (chunk: Buffer) => {
      chunks.add(chunk);
      if (chunks.length > limit) refuse();
    };
    if (Number(payload.headers['content-length']) > limit) {
      refuse();
      return;
    }
    pace(payload);
    payload.on('data', take);
    payload.once('end', () => {
      resolve(chunks.concat());
    });
    payload.once('error', (error) => {
      reject(new DomainError('invalid_request', 'The request body ended too early', { cause: error }));
    });
  });
}

function toJson(bytes: Buffer, limits?: JsonLimits): ParsedJson {
  if (bytes.length === 0) throw new DomainError('invalid_request', 'The body is empty: send JSON');
  try {
    return parseJson(bytes, '', limits);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new DomainError('invalid_request', 'The body is not valid JSON', { cause: error });
  }
}

export function tooLarge(maxBytes: number): DomainError {
  return new DomainError('upload_too_large', `The upload is limited to ${maxBytes} bytes. Send a smaller file`);
}

/** Image files are compressed already; a compressed body could be any number of times as long as its limit. */
function unsupportedEncoding(encoding: string): DomainError {
  return new DomainError(
    'unsupported_content_type',
    `The Content-Encoding "${encoding.slice(0, 40)}" is not supported. Send the body uncompressed, without this header`,
    { headers: { 'accept-encoding': 'identity' } }, // RFC 9110, 15.5.16
  );
}

/** The message says what the route accepts. */
export function unsupportedType(request: FastifyRequest): DomainError {
  if (takesBatch(request)) {
    return new DomainError(
      'unsupported_content_type',
      'Send multipart/form-data with parts "file", "archive" or "urls", or JSON {"kind": "mask", "urls": […]}',
    );
  }
  return new DomainError(
    'unsupported_content_type',
    takesUpload(request)
      ? 'Send multipart/form-data with a part "file", a body of type image/*, or JSON {"image": "<base64>"}'
      : 'Send JSON, with Content-Type: application/json',
  );
}
