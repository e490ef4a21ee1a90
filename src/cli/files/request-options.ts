import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { describeMistakes } from '../../http/mistakes.ts';
import { fromText } from '../../http/option-text.ts';
import { UsageError } from '../context.ts';

/** Adds each option of an API request as an option of the command: `min_face_size` as `--min-face-size`. */
export function addRequestOptions(command: Command, schema: z.ZodObject): void {
  for (const option of Object.keys(schema.shape).flatMap((name) => optionsFor(name, schema))) command.addOption(option);
}

/**
 * The options of the request that were given to the command.
 * @throws UsageError if they contradict each other
 */
export function readRequestOptions<Schema extends z.ZodObject>(command: Command, schema: Schema): z.infer<Schema> {
  const values = command.opts();
  const given = Object.keys(schema.shape)
    .map((name) => [name, values[new Option(flagOf(name)).attributeName()] as unknown] as const)
    .filter(([, value]) => value !== undefined);
  const parsed = schema.safeParse(Object.fromEntries(given));
  if (parsed.success) return parsed.data;
  throw new UsageError(describeMistakes(parsed.error.issues));
}

function optionsFor(name: string, schema: z.ZodObject): Option[] {
  const field = schema.shape[name] as z.ZodType;
  const type = field instanceof z.ZodOptional ? (field.unwrap() as unknown) : field;
  const flag = flagOf(name);
  const description = field.description ?? '';
  if (type instanceof z.ZodBoolean) {
    return [new Option(flag, description), new Option(flag.replace('--', '--no-'), `${name}=false`)];
  }
  if (type instanceof z.ZodEnum) return [new Option(`${flag} <name>`, description).choices(type.options as string[])];
  return [new Option(`${flag} <${placeholder(type)}>`, description).argParser((text) => parse(name, text, schema))];
}

function flagOf(name: string): string {
  return `--${name.replaceAll('_', '-')}`;
}

function placeholder(type: unknown): string {
  if (type instanceof z.ZodNumber) return 'number';
  if (!(type instanceof z.ZodArray)) return 'text';
  return type.element instanceof z.ZodEnum ? 'names' : 'json';
}

function parse(name: string, text: string, schema: z.ZodObject): unknown {
  const parsed = (schema.shape[name] as z.ZodType).safeParse(fromText({ [name]: text }, schema)[name]);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`${describeMistakes(parsed.error.issues)}.`);
}
