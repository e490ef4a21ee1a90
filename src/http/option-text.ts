import { z } from 'zod';
import { parseJson } from './json-text.ts';

/**
 * Converts form fields and query parameters, which are texts, to the types of the schema: numbers, booleans, JSON for lists,
 * and names separated by commas for lists of names. A text that cannot be converted is left for the schema to reject. An empty text counts as not given,
 * because browsers send empty fields.
 * @param texts a list of texts where a name is given several times
 * @throws DomainError if the JSON of a list exceeds a limit
 */
export function fromText(texts: Readonly<Record<string, unknown>>, schema: z.ZodObject): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(texts)
      .filter(([, text]) => text !== '')
      .map(([name, text]) => [name, convert(name, text, typeOf(schema, name))]),
  );
}

/** Whether the option is a list, which may be given in several texts. */
export function isList(schema: z.ZodObject, name: string): boolean {
  return typeOf(schema, name) instanceof z.ZodArray;
}

function typeOf(schema: z.ZodObject, name: string): unknown {
  const field: unknown = schema.shape[name];
  return field instanceof z.ZodOptional ? field.unwrap() : field;
}

function convert(name: string, text: unknown, type: unknown): unknown {
  if (type instanceof z.ZodArray) {
    const texts: unknown[] = [text].flat();
    return type.element instanceof z.ZodEnum ? toNames(name, texts) : toList(name, texts);
  }
  if (typeof text !== 'string') return text;
  if (type instanceof z.ZodNumber) return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text.trim()) ? Number(text) : text;
  if (type instanceof z.ZodBoolean) return text === 'true' ? true : text === 'false' ? false : text;
  return text;
}

/** Each text is an entry or a list of entries: programs send a list of one as its entry, and others in several fields. */
function toList(name: string, texts: readonly unknown[]): unknown {
  const values = texts.map((text) => (typeof text === 'string' ? toJson(name, text) : text));
  return values.length === 1 && typeof values[0] === 'string' ? values[0] : values.flat();
}

/** Each text is a name, names separated by commas, or a list in JSON. */
function toNames(name: string, texts: readonly unknown[]): unknown {
  return texts.flatMap((text) => {
    if (typeof text !== 'string') return text;
    return text.trim().startsWith('[') ? toJson(name, text) : text.split(',').map((part) => part.trim());
  });
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
