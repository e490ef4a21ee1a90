import { InvalidArgumentError } from 'commander';
import type { Setting } from '../config/settings.ts';

/** @returns a parser for whole numbers */
export function countFrom(min: number, max: number): (text: string) => number {
  return (text) => {
    const count = /^\d+$/.test(text) ? Number(text) : -1;
    if (count >= min && count <= max) return count;
    throw new InvalidArgumentError(`Expected: a whole number from ${min} to ${max}.`);
  };
}

/** @returns a parser with the schema of a setting */
export function valueOf<Value>({ schema }: Setting<Value>): (text: string) => Value {
  return (text) => {
    const result = schema.safeParse(text);
    if (result.success) return result.data;
    throw new InvalidArgumentError(`Expected: ${result.error.issues[0]!.message}.`);
  };
}
