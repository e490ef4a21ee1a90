import { z } from 'zod';
import type { Configuration } from '../../config/configuration.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { parseOptions } from '../../http/upload.ts';
import { toDetectSettings } from '../../inference/detection-body.ts';
import { detectOptionsSchema } from '../../inference/schemas.ts';
import { toMaskSettings } from '../../masking/mask-settings.ts';
import { maskOptionsSchema } from '../../masking/schemas.ts';
import type { BatchOrder } from '../batches.ts';
import type { WebhookGuard } from '../webhooks/webhook-guard.ts';
import { batchFieldsSchema, batchOutputFieldSchema, batchSourceSchema } from './schemas.ts';

/**
 * What the fields of the form ask for.
 * @throws DomainError invalid_option, and those of WebhookGuard
 */
export async function toBatchOrder(
  fields: Readonly<Record<string, string>>,
  { detection, masking }: Configuration,
  webhooks: WebhookGuard,
): Promise<BatchOrder> {
  const { kind, options, priority, source, output, webhook } = parseOptions(batchFieldsSchema, fields);
  const parsed = parseOptions(
    kind === 'mask' ? maskOptionsSchema : detectOptionsSchema,
    readJson('options', options) ?? {},
  );
  // Limits of this service: otherwise each item would fail.
  toDetectSettings(parsed, detection);
  if (kind === 'mask') toMaskSettings(parsed, masking);
  const from = readJson('source', source);
  const to = readJson('output', output);
  const order = {
    kind,
    options: parsed,
    priority,
    ...(from !== undefined && { source: parseOptions(sourceFieldSchema, { source: from }).source.s3 }),
    ...(to !== undefined && { output: parseOptions(outputFieldSchema, { output: to }).output.s3 }),
  };
  if (webhook === undefined) return order;
  const { url } = await webhooks.admit(webhook);
  return { ...order, webhook: url.href };
}

/** With their names, which are in the errors */
const sourceFieldSchema = z.object({ source: batchSourceSchema });
const outputFieldSchema = z.object({ output: batchOutputFieldSchema });

function readJson(name: string, text: string | undefined): unknown {
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DomainError('invalid_option', `${name}: not valid JSON`, { cause: error });
  }
}
