import { Injectable } from '@nestjs/common';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { consumePoint } from '../../http/consume-point.ts';
import { networkOf } from '../../http/network.ts';

const EXCESS = 'Too many requests';

/** Limits what people without an account may do. Addresses are only in memory. */
@Injectable()
export class ReportThrottle {
  readonly #looks = new RateLimiterMemory({ points: 60, duration: 60 });
  readonly #reports = new RateLimiterMemory({ points: 5, duration: 10 * 60 });
  readonly #reportsOfImage = new RateLimiterMemory({ points: 20, duration: 60 * 60 });

  /** Any request. @throws DomainError too_many_requests */
  countLook(address: string): Promise<void> {
    return consumePoint(this.#looks, networkOf(address), EXCESS);
  }

  /** @throws DomainError too_many_requests */
  async countReport(address: string, imageId: string): Promise<void> {
    await consumePoint(this.#reports, networkOf(address), EXCESS);
    await consumePoint(this.#reportsOfImage, imageId, EXCESS);
  }
}
