import { z } from 'zod';
import { parseJson } from './json-text.ts';

/**
 * Converts form fields and query parameters, which are texts, to the types of the schema: numbers, booleans, and JSON
 * for lists. A text that cannot be converted is left for the schema to reject. An empty text counts as not given,
 * because browsers send empty fields.
 * @throws DomainError if the JSON of a list exceeds a limit
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
    // Not JSON: the error of the schema says what it expects.
    return text;
  }
}
