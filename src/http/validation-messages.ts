import { z } from 'zod';

type Issue = z.core.$ZodRawIssue;

/** Names that differ in more letters are not suggested. */
const MAX_DIFFERENCE = 3;

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

const FORMATS: Readonly<Record<string, string>> = {
  uuid: 'a UUID',
  datetime: 'a time such as 2026-01-31T12:00:00Z',
  safeint: 'a whole number',
};

const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' };

/** Replaces the messages of the validation library. Messages of a schema itself have priority. */
export function useOwnMessages(): void {
  z.config({ customError: toMessage });
}

/** What is wrong with a value, to be read after its name: "threshold: must be at most 1". */
function toMessage(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type': {
      const wanted = TYPES[issue.expected] ?? 'of another type';
      return issue.input === undefined ? `is missing: ${wanted}` : `must be ${wanted}`;
    }
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      if (issue.origin in UNITS && issue.minimum === 1) return 'must not be empty';
      return `must ${sizeOf(issue.origin)} ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${UNITS[issue.origin] ?? ''}`;
    case 'too_big':
      return `must ${sizeOf(issue.origin)} ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${UNITS[issue.origin] ?? ''}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return `must be ${FORMATS[issue.format] ?? 'in another format'}`;
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownName(key, namesOf(issue))).join('; ');
    case 'invalid_union':
      return 'is none of the accepted forms';
    default:
      return 'is not valid';
  }
}

function sizeOf(origin: string): string {
  return origin in UNITS ? 'have' : 'be';
}

function unknownName(name: string, known: readonly string[]): string {
  const shown = name.slice(0, 40);
  const nearest = known
    .map((candidate) => ({ candidate, difference: editDistance(shown.toLowerCase(), candidate) }))
    .filter(({ candidate, difference }) => difference <= Math.min(MAX_DIFFERENCE, candidate.length / 2))
    .sort((a, b) => a.difference - b.difference)[0];
  const advice = nearest ? `did you mean "${nearest.candidate}"?` : `accepted: ${known.join(', ')}`;
  return `unknown option "${shown}"; ${advice}`;
}

/** The names that the object with the unknown ones accepts */
function namesOf({ inst }: Issue): string[] {
  return inst instanceof z.ZodObject ? Object.keys(inst.shape) : [];
}

/** How many letters have to be inserted, deleted or replaced (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
