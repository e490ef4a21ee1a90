import { Module } from '@nestjs/common';
import { WebhookGuard } from './webhook-guard.ts';

/** For the API, which takes the URLs of webhooks, and for the workers, which send to them. */
@Module({ providers: [WebhookGuard], exports: [WebhookGuard] })
export class WebhookModule {}
