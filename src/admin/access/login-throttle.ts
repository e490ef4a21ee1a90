import { Injectable } from '@nestjs/common';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { DomainError } from '../../errors/domain-error.ts';
import { consumePoint } from '../../http/consume-point.ts';
import { networkOf } from '../../http/network.ts';
import { Metrics } from '../../metrics/metrics.ts';

const PER_ADDRESS = { points: 10, duration: 15 * 60 };
/** Limits attacks from many addresses; the window is short because the limit affects everyone. */
const IN_TOTAL = { points: 60, duration: 60 };

/** Counts failed logins. A login is counted before its password is checked, so that many at the same time are limited too. */
@Injectable()
export class LoginThrottle {
  readonly #perAddress = new RateLimiterMemory(PER_ADDRESS);
  readonly #inTotal = new RateLimiterMemory(IN_TOTAL);

  constructor(private readonly metrics: Metrics) {}

  /** @throws DomainError too_many_requests */
  async count(address: string): Promise<void> {
    await this.consume(this.#perAddress, networkOf(address));
    await this.consume(this.#inTotal, 'all');
  }

  /** Takes back the count of a login that succeeded. */
  async forgive(address: string): Promise<void> {
    await this.#perAddress.delete(networkOf(address));
    await this.#inTotal.reward('all');
  }

  private async consume(limiter: RateLimiterMemory, key: string): Promise<void> {
    try {
      await consumePoint(limiter, key, 'Too many failed logins');
    } catch (error) {
      if (error instanceof DomainError) this.metrics.logins.inc({ outcome: 'throttled' });
      throw error;
    }
  }
}
