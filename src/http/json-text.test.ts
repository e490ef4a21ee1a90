import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors/domain-error.ts';
import { MAX_OPTIONS_BYTES, parseJson } from './json-text.ts';

const parsed = (text: string) => parseJson(Buffer.from(text));

function refusalOf(text: string, what?: string): string {
  try {
    parseJson(Buffer.from(text), what);
  } catch (error) {
    if (error instanceof DomainError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'none';
}

/** Documents within the bounds, as a sender would write them. */
const json = fc.json({ maxDepth: 6 }).filter((text) => !text.includes('__proto__'));
const base64 = fc.base64String({ maxLength: 100 });
const name = fc.string().filter((text) => text !== 'image' && text !== '__proto__');

describe('JSON with bounds', () => {
  it('is what JSON.parse makes of it, where there is no image', () => {
    fc.assert(
      fc.property(json, (text) => {
        const value: unknown = JSON.parse(text);
        fc.pre(!Object.hasOwn(Object(value) as object, 'image'));
        expect(parsed(text)).toEqual({ value, image: null });
      }),
    );
  });

  it('is what JSON.parse makes of it, with the image beside it, however it is written', () => {
    const members = fc.dictionary(name, fc.jsonValue({ maxDepth: 4 }), { maxKeys: 5 });
    fc.assert(
      fc.property(members, base64, fc.constantFrom(undefined, 2, '\t'), fc.nat(), (beside, image, indent, place) => {
        const entries = Object.entries(beside);
        entries.splice(place % (entries.length + 1), 0, ['image', image]);
        const document = Object.fromEntries(entries);
        const text = JSON.stringify(document, null, indent);
        fc.pre(!text.includes('__proto__'));
        const found = parsed(text);
        expect(found.image?.toString()).toBe(image);
        expect(found.value).toEqual({ ...(JSON.parse(text) as object), image: '' });
      }),
    );
  });

  it('is refused where JSON.parse refuses it, whatever is cut out of it, put in or changed', () => {
    const edit = fc.tuple(fc.nat(), fc.nat(4), fc.constantFrom('', '"', '\\', '{', '}', '[', ']', ',', ':', '1', '\n'));
    const start = fc.constantFrom<string[]>(
      '{"image":"QUJD","a":[1,{"b":"c\\"d"}],"e":{"image":"x"}}',
      '{"a":"\\\\","image":"QQ=="}',
    );
    fc.assert(
      fc.property(start, fc.array(edit, { minLength: 1, maxLength: 3 }), (text, edits) => {
        const changed = edits.reduce((now: string, [at, length, put]) => {
          const from = at % (now.length + 1);
          return now.slice(0, from) + put + now.slice(from + length);
        }, text);
        const outcome = (read: () => unknown) => {
          try {
            return read();
          } catch (error) {
            return error instanceof DomainError ? 'bounds' : 'no JSON';
          }
        };
        const expected = outcome(() => JSON.parse(changed) as unknown);
        const actual = outcome(() => {
          const { value, image } = parsed(changed);
          return image === null
            ? value
            : { ...(value as object), image: JSON.parse(`"${image.toString()}"`) as unknown };
        });
        if (actual !== 'bounds') expect(actual).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['{"a":1,"a":2}', 'a is given twice'],
    ['{"a":1,"\\u0061":2}', 'a is given twice'],
    ['{"image":"AAAA","image":"BBBB"}', 'image is given twice'],
    ['{"regions":[{"left":1},{"left":1,"left":2}]}', 'regions[1].left is given twice'],
    ['[[{"x":{"y":1,"y":1}}]]', '[0][0].x.y is given twice'],
  ])('names what stands twice: %s', (text, refusal) => {
    expect(refusalOf(text)).toContain(`invalid_option: ${refusal}`);
  });

  it('begins with what it is, where it is part of something else', () => {
    expect(refusalOf('[{"left":1,"left":2}]', 'regions')).toContain('regions[0].left is given twice');
  });

  it('names a prototype', () => {
    expect(refusalOf('{"image":"AAAA","__proto__":{"a":1}}')).toContain('"__proto__"');
    expect(refusalOf('{"a":[{"__proto__":1}]}')).toContain('"__proto__"');
  });

  it.each([
    ['depth', '['.repeat(9) + ']'.repeat(9), 'nested more than 8 deep'],
    ['depth of what never ends', '['.repeat(1_000_000), 'nested more than 8 deep'],
    ['entries of a list', `{"a":[${Array(1025).fill('{}').join()}]}`, 'a has more than 1024 entries'],
    ['members', `{${Array.from({ length: 101 }, (_, at) => `"a${at}":1`).join()}}`, 'has more than 100 entries'],
    ['bytes of a text', `{"a":"${'x'.repeat(MAX_OPTIONS_BYTES)}"}`, 'limited to 262144 bytes'],
    ['bytes of a name', `{"${'x'.repeat(MAX_OPTIONS_BYTES + 1)}":1}`, 'limited to 262144 bytes'],
    ['bytes in all', `{"image":"AAAA","a":${' '.repeat(MAX_OPTIONS_BYTES)}1}`, 'limited to 262144 bytes'],
    ['an image elsewhere', `{"a":{"image":"${'A'.repeat(MAX_OPTIONS_BYTES)}"}}`, 'limited to 262144 bytes'],
  ])('has bounds: %s', (_, text, refusal) => {
    expect(refusalOf(text)).toContain(refusal);
  });

  it('takes a long image, and as much beside it as may be', () => {
    const image = 'A'.repeat(4_000_000);
    const text = `{"note":"${'x'.repeat(MAX_OPTIONS_BYTES - 100)}","image":"${image}"}`;
    expect(parsed(text).image?.length).toBe(image.length);
  });

  it('takes a byte order mark', () => {
    expect(parsed('\uFEFF{"a":1}').value).toEqual({ a: 1 });
  });
});
