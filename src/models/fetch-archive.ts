import { open, truncate } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { EnvHttpProxyAgent, fetch, type Response } from 'undici';
import { reasonOf } from '../errors/reason.ts';
import { ModelError } from './model-error.ts';
import { sizeInBytes } from './partial-file.ts';

export type FetchOptions = {
  /** Called after each chunk with the received and the total length in bytes. */
  onProgress?: ((receivedBytes: number, totalBytes: number) => void) | undefined;
  /** Aborts the download; its reason is thrown. */
  signal?: AbortSignal | undefined;
  /** Timeout in milliseconds without a byte from the server */
  timeoutMs?: number | undefined;
  /** The first delay before a retry, in milliseconds; each further one is twice as long. */
  retryDelayMs?: number | undefined;
};

/** Maximum number of failed connections in a row without a new byte */
const maxFutileAttempts = 4;

/** Temporary errors, as defined in RFC 9110 and RFC 6585 */
const temporaryStatuses = [408, 429, 500, 502, 503, 504];

/** The connection failed after several retries. The received part is valid, and another attempt can continue it. */
export class ConnectionError extends ModelError {
  override name = 'ConnectionError';
}

/** The server or folder does not have this archive. */
export class ArchiveNotFoundError extends ModelError {
  override name = 'ArchiveNotFoundError';
}

/**
 * Downloads `url` to the file until it has `bytes` bytes; existing bytes are not downloaded again. Proxies are taken from
 * HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
 *
 * A broken download continues where it broke (Range request), or from the start if the server ignores ranges.
 * @throws ConnectionError if retries fail, ArchiveNotFoundError, or ModelError for a file of a different size
 */
export async function fetchArchive(url: URL, file: string, bytes: number, options: FetchOptions): Promise<void> {
  const { timeoutMs = 30_000, retryDelayMs = 1000, signal } = options;
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: timeoutMs },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  try {
    let furthest = await sizeInBytes(file);
    let futileAttempts = 0;
    while ((await sizeInBytes(file)) !== bytes) {
      try {
        await fetchOnce(url, file, bytes, dispatcher, options);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof ConnectionError)) throw error;
        const size = await sizeInBytes(file);
        futileAttempts = size > furthest ? 1 : futileAttempts + 1;
        furthest = Math.max(furthest, size);
        if (futileAttempts === maxFutileAttempts) throw failedDownload(error, size, bytes);
        await pause(retryDelayMs * 2 ** (futileAttempts - 1), signal);
      }
    }
  } finally {
    await dispatcher.destroy();
  }
}

async function fetchOnce(
  url: URL,
  file: string,
  bytes: number,
  dispatcher: EnvHttpProxyAgent,
  { onProgress, signal }: FetchOptions,
): Promise<void> {
  const have = await sizeInBytes(file);
  const response = await fetch(withoutCredentials(url), {
    dispatcher,
    signal: signal ?? null,
    headers: {
      // Lengths and ranges are those of the file only if it is not compressed for the transfer.
      'accept-encoding': 'identity',
      ...(have > 0 ? { range: `bytes=${have}-` } : {}),
      ...authorization(url),
    },
  }).catch((error: unknown) => {
    throw new ConnectionError(reasonOf(error), { cause: error });
  });
  const start = await acceptedStart(response, url, file, have, bytes);
  const output = await open(file, start === 0 ? 'w' : 'r+');
  try {
    let position = start;
    for await (const chunk of bodyOf(response)) {
      if (position + chunk.length > bytes) throw wrongSize(url, `more than ${bytes} bytes`, bytes);
      await output.write(chunk, 0, chunk.length, position);
      position += chunk.length;
      onProgress?.(position, bytes);
    }
    if (position < bytes) throw wrongSize(url, `only ${position} bytes`, bytes);
  } finally {
    await output.close();
  }
}

/** @returns position of the response in the file; throws if it is not the file, or does not continue the received part */
async function acceptedStart(response: Response, url: URL, file: string, have: number, bytes: number): Promise<number> {
  const { status } = response;
  if (status === 200 || status === 206) {
    const { start, total } = status === 206 ? contentRange(response) : { start: 0, total: contentLength(response) };
    if (total !== undefined && total !== bytes) {
      await response.body?.cancel();
      throw wrongSize(url, `${total} bytes`, bytes);
    }
    if (start === 0 || start === have) return start;
  }
  await response.body?.cancel();
  // The server cannot send the range, or sent a different one: start from the beginning, without a range.
  if (have > 0 && (status === 206 || status === 416)) {
    await truncate(file, 0);
    throw new ConnectionError(`${url.host} does not continue an interrupted download (status ${status})`);
  }
  const answer = `${withoutCredentials(url).href} responds with status ${status}`;
  if (status === 404 || status === 410) throw new ArchiveNotFoundError(answer);
  if (temporaryStatuses.includes(status)) throw new ConnectionError(answer);
  throw new ModelError(`${answer}: check the address, or name a mirror with --from URL-or-folder`);
}

function contentRange(response: Response): { start: number | undefined; total: number | undefined } {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '') ?? [];
  return { start: toNumber(start), total: total === '*' ? undefined : toNumber(total) };
}

function contentLength(response: Response): number | undefined {
  return toNumber(response.headers.get('content-length') ?? undefined);
}

function toNumber(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}

/** The chunks of the body. Errors of reading become connection errors; errors of writing do not. */
async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  try {
    yield* response.body as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new ConnectionError(reasonOf(error), { cause: error });
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    // The reason says more than the timer's own AbortError.
    signal?.throwIfAborted();
    throw error;
  }
}

/** `fetch` rejects a URL with a user and a password. They are sent in the header, and appear in no message. */
function withoutCredentials(url: URL): URL {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare;
}

function authorization(url: URL): Record<string, string> {
  if (url.username === '') return {};
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
}

function wrongSize(url: URL, found: string, bytes: number): ModelError {
  const address = withoutCredentials(url).href;
  return new ModelError(
    `${address} has ${found}, the manifest expects ${bytes}: the file is different or truncated, nothing was installed; try another source with --from URL-or-folder`,
  );
}

function failedDownload(error: ConnectionError, size: number, bytes: number): ConnectionError {
  const soFar = `received ${size} of ${bytes} bytes`;
  return new ConnectionError(
    `the download failed: ${error.message}; ${soFar}, run the same command again to continue`,
    {
      cause: error,
    },
  );
}
