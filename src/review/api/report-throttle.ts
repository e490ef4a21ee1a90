import { Injectable } from '@nestjs/common';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { DomainError } from '../../errors/domain-error.ts';
import { networkOf } from '../../http/network.ts';

/** Limits what people without an account may do. Addresses are only in memory. */
@Injectable()
export class ReportThrottle {
  readonly #looks = new RateLimiterMemory({ points: 60, duration: 60 });
  readonly #reports = new RateLimiterMemory({ points: 5, duration: 10 * 60 });
  readonly #reportsOfImage = new RateLimiterMemory({ points: 20, duration: 60 * 60 });

  /** Any request. @throws DomainError too_many_requests */
  countLook(address: string): Promise<void> {
    return consume(this.#looks, networkOf(address));
  }

  /** @throws DomainError too_many_requests */
  async countReport(address: string, imageId: string): Promise<void> {
    await consume(this.#reports, networkOf(address));
    await consume(this.#reportsOfImage, imageId);
  }
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal;
    const seconds = Math.ceil(refusal.msBeforeNext / 1000);
    throw new DomainError('too_many_requests', `Too many requests. Try again in ${seconds} seconds`, {
      headers: { 'retry-after': String(seconds) },
    });
  }
}
