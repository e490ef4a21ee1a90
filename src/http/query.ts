import { z } from 'zod';

/** Query parameters: texts that are converted to a type, which is the one in the OpenAPI document. */

export const queryInteger = (min: number, max: number, multipleOf = 1) =>
  z.preprocess(
    (text) => (typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : text),
    (multipleOf === 1 ? z.int() : z.int().multipleOf(multipleOf)).min(min).max(max),
  );

export const queryBoolean = () =>
  z.preprocess((text) => (text === 'true' ? true : text === 'false' ? false : text), z.boolean());

export const queryTime = () => z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/** Of limited length and without control characters, which the database rejects. */
export const queryText = () =>
  z
    .string()
    .max(200)
    .regex(/^\P{Cc}+$/u, { error: 'must be a text without control characters' });
