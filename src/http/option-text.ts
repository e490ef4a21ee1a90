import { z } from 'zod';
import { parseJson } from './json-text.ts';

/**
 * Form fields and query parameters are texts: turns them into what the schema's fields take (numbers, booleans, JSON
 * for lists). What cannot be turned stays as it is, for the schema to refuse; an empty text means that the option was
 * not given, as browsers send empty fields.
 * @throws DomainError where the JSON of a list goes beyond its bounds
 */
export function fromText(texts: Readonly<Record<string, unknown>>, schema: z.ZodObject): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(texts)
      .filter(([, text]) => text !== '')
      .map(([name, text]) => [name, typeof text === 'string' ? convert(name, text, schema.shape[name]) : text]),
  );
}

function convert(name: string, text: string, field: unknown): unknown {
  const type = field instanceof z.ZodOptional ? (field.unwrap() as unknown) : field;
  if (type instanceof z.ZodNumber) return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text.trim()) ? Number(text) : text;
  if (type instanceof z.ZodBoolean) return text === 'true' ? true : text === 'false' ? false : text;
  if (type instanceof z.ZodArray) return toJson(name, text);
  return text;
}

function toJson(name: string, text: string): unknown {
  try {
    return parseJson(Buffer.from(text), name).value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // Not JSON: the schema says what it wanted instead.
    return text;
  }
}
