import { z } from 'zod';
import type { Configuration } from '../../config/configuration.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { parseOptions } from '../../http/upload.ts';
import { toDetectSettings } from '../../inference/detection-body.ts';
import { detectOptionsSchema } from '../../inference/schemas.ts';
import { toMaskSettings } from '../../masking/mask-settings.ts';
import { maskOptionsSchema } from '../../masking/schemas.ts';
import type { BatchOrder } from '../batches.ts';
import type { S3Place } from '../sources/s3-place.ts';
import type { WebhookGuard } from '../webhooks/webhook-guard.ts';
import { batchFieldsSchema, batchSourceSchema } from './schemas.ts';

/**
 * What the fields of the form ask for.
 * @throws DomainError invalid_option, and those of WebhookGuard
 */
export async function toBatchOrder(
  fields: Readonly<Record<string, string>>,
  { detection, masking }: Configuration,
  webhooks: WebhookGuard,
): Promise<BatchOrder> {
  const { kind, options, priority, source, webhook } = parseOptions(batchFieldsSchema, fields);
  const parsed = parseOptions(
    kind === 'mask' ? maskOptionsSchema : detectOptionsSchema,
    readJson('options', options) ?? {},
  );
  // Limits of this service: otherwise each item would fail.
  toDetectSettings(parsed, detection);
  if (kind === 'mask') toMaskSettings(parsed, masking);
  const place = readJson('source', source);
  const order = { kind, options: parsed, priority, ...(place !== undefined && { source: toPlace(place) }) };
  if (webhook === undefined) return order;
  const { url } = await webhooks.admit(webhook);
  return { ...order, webhook: url.href };
}

function toPlace(source: unknown): S3Place {
  return parseOptions(z.object({ source: batchSourceSchema }), { source }).source.s3;
}

function readJson(name: string, text: string | undefined): unknown {
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DomainError('invalid_option', `${name}: not valid JSON`, { cause: error });
  }
}
