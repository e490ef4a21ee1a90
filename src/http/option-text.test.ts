import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fromText } from './option-text.ts';

const schema = z.strictObject({
  ratio: z.number().min(0).max(1).optional().meta({ description: 'described' }),
  count: z.number().int(),
  wanted: z.boolean().optional(),
  kind: z.enum(['a', 'b']).optional(),
  name: z.string().optional(),
  list: z.array(z.object({ x: z.number() })).optional(),
  names: z.array(z.enum(['a', 'b'])).optional(),
});

describe('the text of an option', () => {
  it.each([
    ['ratio', '0.5', 0.5],
    ['ratio', '.5', 0.5],
    ['ratio', '5.', 5],
    ['ratio', '-2', -2],
    ['ratio', '+3', 3],
    ['ratio', ' 7 ', 7],
    ['count', '007', 7],
    ['wanted', 'true', true],
    ['wanted', 'false', false],
    ['kind', 'a', 'a'],
    ['name', '12', '12'],
    ['name', 'true', 'true'],
    ['list', '[{"x": 1}]', [{ x: 1 }]],
    ['list', '{"x": 1}', [{ x: 1 }]],
    ['list', ['{"x": 1}', '[{"x": 2}, {"x": 3}]'], [{ x: 1 }, { x: 2 }, { x: 3 }]],
    ['names', 'a, b', ['a', 'b']],
    ['names', '["a"]', ['a']],
    ['names', ['a', 'b'], ['a', 'b']],
    ['unknown', '1', '1'],
  ])('%s=%s becomes what the schema takes', (name, text, value) => {
    expect(fromText({ [name]: text }, schema)).toEqual({ [name]: value });
  });

  it.each([
    ['ratio', 'half'],
    ['ratio', '1e3'],
    ['ratio', '0x10'],
    ['ratio', 'Infinity'],
    ['ratio', 'NaN'],
    ['ratio', '1,5'],
    ['ratio', '1 2'],
    ['ratio', '.'],
    ['ratio', ' '],
    ['wanted', '1'],
    ['wanted', 'TRUE'],
    ['wanted', 'yes'],
    ['list', '[{"x": 1}'],
    ['list', 'x'],
  ])('%s=%s stays as it is, for the schema to refuse', (name, text) => {
    expect(fromText({ [name]: text }, schema)).toEqual({ [name]: text });
    expect(schema.partial().safeParse(fromText({ [name]: text }, schema)).success).toBe(false);
  });

  it('counts as not given where it is empty', () => {
    expect(fromText({ ratio: '', wanted: '', list: '', name: '', unknown: '' }, schema)).toEqual({});
  });

  it('is not touched where it is no text: a parameter that is given twice is refused by the schema', () => {
    expect(fromText({ ratio: ['0.1', '0.2'] }, schema)).toEqual({ ratio: ['0.1', '0.2'] });
    expect(schema.partial().safeParse({ ratio: ['0.1', '0.2'] }).success).toBe(false);
  });

  it('turns every decimal number into itself', () => {
    const decimal = fc.tuple(fc.integer(), fc.nat(999_999)).map(([whole, part]) => `${whole}.${part}`);
    fc.assert(
      fc.property(decimal, (text) => {
        expect(fromText({ ratio: text }, schema)).toEqual({ ratio: Number(text) });
      }),
    );
  });

  it('never throws, whatever its name and content, and gives no option that was not named', () => {
    const name = fc.oneof(fc.constantFrom(...Object.keys(schema.shape), '__proto__', 'constructor'), fc.string());
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.oneof(fc.string(), fc.json())), { maxLength: 6 }), (pairs) => {
        const texts = Object.fromEntries(pairs);
        const options = fromText(texts, schema);
        expect(Object.keys(texts)).toEqual(expect.arrayContaining(Object.keys(options)));
        expect(Object.getPrototypeOf(options)).toBe(Object.prototype);
      }),
    );
  });
});
