import { open, truncate } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { EnvHttpProxyAgent, fetch, type Response } from 'undici';
import { reasonOf } from '../errors/reason.ts';
import { ModelError } from './model-error.ts';
import { sizeInBytes } from './partial-file.ts';

export type FetchOptions = {
  /** Called after each chunk, with the length of the file so far and in the end, both in bytes. */
  onProgress?: ((receivedBytes: number, totalBytes: number) => void) | undefined;
  /** Stops the download; its reason is thrown. */
  signal?: AbortSignal | undefined;
  /** How long the server may be silent, in milliseconds. */
  timeoutMs?: number | undefined;
  /** The first pause before trying again, in milliseconds; each further one is twice as long. */
  retryDelayMs?: number | undefined;
};

/** How often in a row a connection may fail without a new byte. */
const maxFutileAttempts = 4;

/** Too busy or broken for the moment, as RFC 9110 and RFC 6585 define them. */
const passingStatuses = [408, 429, 500, 502, 503, 504];

/** The connection failed, the last of several times: what came so far is good, and another attempt may continue it. */
export class ConnectionError extends ModelError {
  override name = 'ConnectionError';
}

/** The server or folder does not have this archive. */
export class ArchiveNotFoundError extends ModelError {
  override name = 'ArchiveNotFoundError';
}

/**
 * Downloads `url` into the file until it has `bytes` bytes, continuing what the file holds already. Proxies are taken
 * from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
 *
 * A connection that breaks is taken up again where it broke (Range request; a server that ignores it starts anew).
 * Throws ConnectionError when that fails too often, ArchiveNotFoundError, or ModelError for a file of another size.
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
        if (futileAttempts === maxFutileAttempts) throw givingUp(error, size, bytes);
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
      // Lengths and ranges are those of the file itself only if nobody compresses it on the way.
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

/** From which byte on the response is the file; an error where it is not the file, or not a part that continues ours. */
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
  // A range that the server can't give, or another one than was asked for: start anew, without a range.
  if (have > 0 && (status === 206 || status === 416)) {
    await truncate(file, 0);
    throw new ConnectionError(`${url.host} does not continue an interrupted download (status ${status})`);
  }
  const answer = `${withoutCredentials(url).href} responds with status ${status}`;
  if (status === 404 || status === 410) throw new ArchiveNotFoundError(answer);
  if (passingStatuses.includes(status)) throw new ConnectionError(answer);
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

/** The body's chunks. Only what fails in here becomes a connection error, not what fails where the chunks are written. */
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

/** `fetch` refuses an address that holds a user and a password; they are sent in the header, and appear in no message. */
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

function givingUp(error: ConnectionError, size: number, bytes: number): ConnectionError {
  const soFar = `received ${size} of ${bytes} bytes`;
  return new ConnectionError(
    `the download failed: ${error.message}; ${soFar}, run the same command again to continue`,
    {
      cause: error,
    },
  );
}
