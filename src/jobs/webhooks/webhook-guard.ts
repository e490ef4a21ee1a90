import { Injectable } from '@nestjs/common';
import { Configuration } from '../../config/configuration.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { AllowList } from '../../fetching/allow-list.ts';
import { type Admitted, FetchGuard } from '../../fetching/fetch-guard.ts';

/** Decides which URLs may get webhooks: when a batch is sent, and before each attempt. */
@Injectable()
export class WebhookGuard {
  private readonly guard: FetchGuard | null;
  private readonly allowsHttp: boolean;

  constructor({ webhooks }: Configuration) {
    const allowed = AllowList.ofSetting('FACE_API_WEBHOOK_ALLOW', webhooks.allow);
    this.guard = allowed.isEmpty ? null : new FetchGuard(allowed, undefined, 'webhook');
    this.allowsHttp = webhooks.http;
  }

  /** @throws DomainError of FetchGuard, and invalid_option for http */
  async admit(text: string): Promise<Admitted> {
    if (!this.guard) {
      throw new DomainError(
        'url_not_allowed',
        'webhook: webhooks are off (FACE_API_WEBHOOK_ALLOW). Leave the field out',
      );
    }
    const admitted = await this.guard.admit(text);
    if (admitted.url.protocol === 'http:' && !this.allowsHttp) {
      throw new DomainError(
        'invalid_option',
        'webhook: only https is allowed (FACE_API_WEBHOOK_HTTP). Use a URL with https',
      );
    }
    return admitted;
  }
}
