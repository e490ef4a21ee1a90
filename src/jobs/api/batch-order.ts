import type { Configuration } from '../../config/configuration.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { parseOptions } from '../../http/upload.ts';
import { toDetectSettings } from '../../inference/detection-body.ts';
import { detectOptionsSchema } from '../../inference/schemas.ts';
import { maskOptionsSchema } from '../../masking/schemas.ts';
import type { BatchOrder } from '../batches.ts';
import { batchFieldsSchema } from './schemas.ts';

/**
 * What the fields of the form ask for.
 * @throws DomainError invalid_option
 */
export function toBatchOrder(fields: Readonly<Record<string, string>>, { detection }: Configuration): BatchOrder {
  const { kind, options, priority } = parseOptions(batchFieldsSchema, fields);
  const parsed = parseOptions(kind === 'mask' ? maskOptionsSchema : detectOptionsSchema, readJson(options));
  // Limits of this service: otherwise each item would fail.
  toDetectSettings(parsed, detection);
  return { kind, options: parsed, priority };
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
