import { type RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { DomainError } from '../errors/domain-error.ts';

/**
 * Counts an attempt against a limit.
 * @param excess what the message says, such as `Too many failed logins`
 * @throws DomainError too_many_requests, which says when to try again
 */
export async function consumePoint(limiter: RateLimiterMemory, key: string, excess: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal;
    const seconds = Math.ceil(refusal.msBeforeNext / 1000);
    throw new DomainError('too_many_requests', `${excess}. Try again in ${seconds} seconds`, {
      headers: { 'retry-after': String(seconds) },
    });
  }
}
