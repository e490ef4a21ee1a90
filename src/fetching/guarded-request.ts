import type { LookupFunction } from 'node:net';
import { isIPv4 } from 'node:net';
import { Agent, type Dispatcher, request } from 'undici';
import { reasonOf } from '../errors/reason.ts';
import { DomainError } from '../errors/domain-error.ts';
import { readAtMost } from '../files/chunks.ts';
import type { Admitted } from './fetch-guard.ts';
import { TemporaryFetchError } from './temporary-fetch-error.ts';

export interface Limits {
  readonly maxBytes: number;
  /** From the connection to the last byte */
  readonly timeoutMs: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: Buffer;
}

type Sending = Pick<Dispatcher.RequestOptions, 'method' | 'headers' | 'body'>;

/** The server did not respond completely in time. */
export class NoResponseError extends Error {}

/**
 * Fetches a file from the addresses that were checked.
 * @param accept called with status and headers before the body is read; its error is thrown
 * @throws TemporaryFetchError, DomainError upload_too_large, and the reason of the signal
 */
export async function guardedRequest(
  admitted: Admitted,
  sending: Sending,
  { maxBytes, timeoutMs }: Limits,
  signal: AbortSignal,
  accept: (answer: Omit<Answer, 'body'>) => void = () => undefined,
): Promise<Answer> {
  try {
    return await guardedExchange(
      admitted,
      sending,
      timeoutMs,
      signal,
      async ({ statusCode: status, headers, body }) => {
        accept({ status, headers });
        return { status, headers, body: await readWithin(maxBytes, body, headers['content-length']) };
      },
    );
  } catch (error) {
    if (!(error instanceof NoResponseError)) throw error;
    const detail = `url: ${admitted.url.host} cannot be fetched: ${error.message}`;
    throw new TemporaryFetchError(detail, { cause: error.cause });
  }
}

/**
 * Sends one request to the addresses that were checked. Redirects are not followed, and proxies are not used: they would
 * look the host up again.
 * @param timeoutMs from the connection to the end of `read`
 * @param read of the response what is wanted; the connection is closed afterwards
 * @throws NoResponseError, DomainError of `read`, and the reason of the signal
 */
export async function guardedExchange<Result>(
  { url, addresses }: Admitted,
  sending: Sending,
  timeoutMs: number,
  signal: AbortSignal,
  read: (response: Dispatcher.ResponseData) => Promise<Result>,
): Promise<Result> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const agent = new Agent({ connect: { lookup: pinnedTo(addresses) }, pipelining: 0 });
  try {
    const options = { ...sending, dispatcher: agent, signal: AbortSignal.any([signal, timeout]) };
    return await read(await request(url, options));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DomainError) throw error;
    const reason = timeout.aborted ? `it took longer than ${timeoutMs} ms` : 'the connection failed';
    throw new NoResponseError(reason, { cause: reasonOf(error) });
  } finally {
    await agent.destroy();
  }
}

function pinnedTo(addresses: readonly string[]): LookupFunction {
  const pinned = addresses.map((address) => ({ address, family: isIPv4(address) ? 4 : 6 }));
  return (_hostname, { all }, callback) => {
    if (all) callback(null, pinned);
    else callback(null, pinned[0]!.address, pinned[0]!.family);
  };
}

async function readWithin(
  maxBytes: number,
  body: AsyncIterable<Buffer>,
  announced: string | string[] | undefined,
): Promise<Buffer> {
  const tooLarge = () => {
    const detail = `url: the file is limited to ${maxBytes} bytes. Give the URL of a smaller one`;
    return new DomainError('upload_too_large', detail);
  };
  if (Number(announced) > maxBytes) throw tooLarge();
  const bytes = await readAtMost(body, maxBytes);
  if (!bytes) throw tooLarge();
  return bytes;
}
