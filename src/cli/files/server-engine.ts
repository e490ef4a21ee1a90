import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError, type ErrorCode, problems } from '../../errors/domain-error.ts';
import { reasonOf } from '../../errors/reason.ts';
import type { DetectionBody } from '../../inference/schemas.ts';
import type { MaskedBody } from '../../masking/schemas.ts';
import type { Engine } from './engine.ts';

/** Of files that this process reads completely; the service has its own limit. */
const MAX_FILE_BYTES = 1_073_741_824;
const JOBS = 2;
const ATTEMPTS = 20;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const PROBLEM_PREFIX = 'urn:face-api:problem:';

/** @param url of a running service */
export function serverEngine(url: string, apiKey: string | undefined, jobs = JOBS): Engine {
  const headers = { accept: 'application/json', ...(apiKey !== undefined && { 'x-api-key': apiKey }) };
  const post = async (
    kind: 'detect' | 'mask',
    image: Uint8Array<ArrayBuffer>,
    options: object,
    signal: AbortSignal,
  ): Promise<unknown> => {
    const address = new URL(`api/v1/${kind}`, url.endsWith('/') ? url : `${url}/`);
    const body = toForm(image, options);
    const response = await untilAdmitted(() => fetch(address, { method: 'POST', body, headers, signal }), signal);
    const answer: unknown = await response.json().catch(() => null);
    if (response.ok && answer !== null) return answer;
    throw toError(response, answer, address);
  };
  return {
    settings: null,
    jobs,
    maxFileBytes: MAX_FILE_BYTES,
    detect: async (...request) => (await post('detect', ...request)) as DetectionBody,
    async mask(...request) {
      const { output, ...body } = (await post('mask', ...request)) as MaskedBody;
      return { body, format: output.format, encoded: Buffer.from(output.image, 'base64') };
    },
  };
}

function toForm(image: Uint8Array<ArrayBuffer>, options: object): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    form.append(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  form.append('file', new Blob([image]), 'image');
  return form;
}

/** Tries again while the service is busy, restarting or unreachable, and waits for as long as it asks for. */
async function untilAdmitted(send: () => Promise<Response>, signal: AbortSignal): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await send().catch((error: unknown) => {
      // A connection that failed
      if (error instanceof TypeError) return error;
      throw error;
    });
    const isAdmitted = outcome instanceof Response && outcome.status !== 503 && outcome.status !== 429;
    if (isAdmitted) return outcome;
    if (attempt === ATTEMPTS) {
      if (outcome instanceof Response) return outcome;
      throw new Error(`the service is unreachable (${reasonOf(outcome)}); run the same command again to continue`);
    }
    const asked = outcome instanceof Response ? Number(outcome.headers.get('retry-after')) * 1000 : 0;
    if (outcome instanceof Response) await outcome.body?.cancel();
    await sleep(waitMs(attempt, asked), undefined, { signal });
  }
}

/** Longer each time and a bit at random, so that many clients do not return together. */
function waitMs(attempt: number, askedMs: number): number {
  const backoff = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
  return Math.max(Number.isFinite(askedMs) ? askedMs : 0, 0) + backoff * Math.random();
}

function toError(response: Response, answer: unknown, address: URL): Error {
  const { type, detail } = (answer ?? {}) as { type?: unknown; detail?: unknown };
  const code = typeof type === 'string' ? type.replace(PROBLEM_PREFIX, '').replaceAll('-', '_') : '';
  if (Object.hasOwn(problems, code)) return new DomainError(code as ErrorCode, String(detail));
  return new Error(`${address.origin} answered with status ${response.status}: is it the URL of a Face API service?`);
}
