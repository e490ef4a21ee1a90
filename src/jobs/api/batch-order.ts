import type { z } from 'zod';
import type { Configuration } from '../../config/configuration.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { describeMistakes } from '../../http/mistakes.ts';
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
  const { kind, options, priority } = parse(batchFieldsSchema, fields);
  const parsed = parse(kind === 'mask' ? maskOptionsSchema : detectOptionsSchema, readJson(options));
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

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new DomainError('invalid_option', describeMistakes(parsed.error.issues));
}
