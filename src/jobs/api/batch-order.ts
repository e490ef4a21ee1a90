import type { Configuration } from '../../config/configuration.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { parseOptions } from '../../http/upload.ts';
import { toDetectSettings } from '../../inference/detection-body.ts';
import { detectOptionsSchema } from '../../inference/schemas.ts';
import { toMaskSettings } from '../../masking/mask-settings.ts';
import { maskOptionsSchema } from '../../masking/schemas.ts';
import type { BatchOrder } from '../batches.ts';
import type { WebhookGuard } from '../webhooks/webhook-guard.ts';
import { batchFieldsSchema } from './schemas.ts';

/**
 * What the fields of the form ask for.
 * @throws DomainError invalid_option, and those of WebhookGuard
 */
export async function toBatchOrder(
  fields: Readonly<Record<string, string>>,
  { detection, masking }: Configuration,
  webhooks: WebhookGuard,
): Promise<BatchOrder> {
  const { kind, options, priority, webhook } = parseOptions(batchFieldsSchema, fields);
  const parsed = parseOptions(kind === 'mask' ? maskOptionsSchema : detectOptionsSchema, readJson(options));
  // Limits of this service: otherwise each item would fail.
  toDetectSettings(parsed, detection);
  if (kind === 'mask') toMaskSettings(parsed, masking);
  if (webhook === undefined) return { kind, options: parsed, priority };
  const { url } = await webhooks.admit(webhook);
  return { kind, options: parsed, priority, webhook: url.href };
}

function readJson(text: string | undefined): unknown {
  if (text === undefined || text === '') return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DomainError('invalid_option', 'options: not valid JSON. Send an object such as {"method": "pixelate"}', {
      cause: error,
    });
  }
}
