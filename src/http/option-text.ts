import { z } from 'zod';

/**
 * Form fields and query parameters are texts: turns them into what the schema's fields take (numbers, booleans, JSON
 * for lists). What cannot be turned stays as it is, for the schema to refuse; an empty text means that the option was
 * not given, as browsers send empty fields.
 */
export function fromText(texts: Readonly<Record<string, unknown>>, schema: z.ZodObject): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(texts)
      .filter(([, text]) => text !== '')
      .map(([name, text]) => [name, typeof text === 'string' ? convert(text, schema.shape[name]) : text]),
  );
}

function convert(text: string, field: unknown): unknown {
  const type = field instanceof z.ZodOptional ? (field.unwrap() as unknown) : field;
  if (type instanceof z.ZodNumber) return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text.trim()) ? Number(text) : text;
  if (type instanceof z.ZodBoolean) return text === 'true' ? true : text === 'false' ? false : text;
  if (type instanceof z.ZodArray) return parseJson(text);
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the schema says what it wanted instead.
    return text;
  }
}
