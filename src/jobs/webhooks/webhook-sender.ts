import { Webhook } from 'standardwebhooks';
import { DomainError } from '../../errors/domain-error.ts';
import { reasonOf } from '../../errors/reason.ts';
import { guardedExchange, NoResponseError } from '../../fetching/guarded-request.ts';
import { VERSION } from '../../version.ts';
import { toWebhookEvent } from './webhook-event.ts';
import type { WebhookGuard } from './webhook-guard.ts';
import type { Attempt, DueDelivery } from './webhook-records.ts';

/** Of a response that refuses the webhook; the rest is not read. */
const MAX_SHOWN_BYTES = 500;

/** Sends a webhook once, signed as Standard Webhooks specifies. */
export class WebhookSender {
  readonly #guard: WebhookGuard;
  readonly #readSecret: () => Promise<string>;
  readonly #timeoutMs: number;
  #signer: Webhook | undefined;

  constructor(guard: WebhookGuard, readSecret: () => Promise<string>, timeoutMs: number) {
    this.#guard = guard;
    this.#readSecret = readSecret;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws the reason of the signal, and the error of reading the secret */
  async send(delivery: DueDelivery, signal: AbortSignal): Promise<Attempt> {
    this.#signer ??= new Webhook(await this.#readSecret());
    const startedAt = new Date();
    const start = performance.now();
    const body = JSON.stringify(toWebhookEvent(delivery));
    const headers = {
      'content-type': 'application/json',
      'user-agent': `face-api/${VERSION}`,
      'webhook-id': delivery.id,
      'webhook-timestamp': String(Math.floor(startedAt.getTime() / 1000)),
      'webhook-signature': this.#signer.sign(delivery.id, startedAt, body),
    };
    const outcome = await this.#post(delivery.url, headers, body, signal);
    return { ...outcome, startedAt, durationMs: Math.round(performance.now() - start) };
  }

  async #post(
    url: string,
    headers: Record<string, string>,
    body: string,
    signal: AbortSignal,
  ): Promise<Pick<Attempt, 'status' | 'error'>> {
    try {
      const admitted = await this.#guard.admit(url);
      return await guardedExchange(
        admitted,
        { method: 'POST', headers, body },
        this.#timeoutMs,
        signal,
        async (response) => {
          const status = response.statusCode;
          const isDelivered = status >= 200 && status < 300;
          return { status, error: isDelivered ? null : refusal(status, await readStart(response.body)) };
        },
      );
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof DomainError) return { status: null, error: error.message };
      if (error instanceof NoResponseError) return { status: null, error: noResponse(error) };
      throw error;
    }
  }
}

function refusal(status: number, text: string): string {
  if (status >= 300 && status < 400)
    return `Redirects are not followed (status ${status}). Use the URL that it leads to`;
  return `The receiver responded with status ${status}${text === '' ? '' : `: ${text}`}`;
}

function noResponse({ message, cause }: NoResponseError): string {
  return `The receiver did not respond: ${message} (${reasonOf(cause)})`;
}

/** Without control characters, which the database and terminals do not take. */
async function readStart(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= MAX_SHOWN_BYTES) break;
  }
  const text = Buffer.concat(chunks).subarray(0, MAX_SHOWN_BYTES).toString('utf8');
  return text.replaceAll(/[\p{C}\s]+/gu, ' ').trim();
}
