import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resultName, ResultNames } from './result-names.ts';

const TYPES = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'];

describe('the name of a result', () => {
  it.each([
    ['a.jpg', 'jpeg', 'a.jpg'],
    ['a.JPEG', 'jpeg', 'a.JPEG'],
    ['a.heic', 'jpeg', 'a.heic.jpg'],
    ['day 1/a.png', 'webp', 'day 1/a.png.webp'],
    ['v1.2/scan', 'tiff', 'v1.2/scan.tiff'],
  ])('is that of its source, with the extension of its format: %s as %s', (source, type, expected) => {
    expect(resultName(source, type)).toBe(expected);
  });

  it.each([
    [
      ['a.jpg', 'a.jpg', 'A.JPG', 'b/a.jpg'],
      ['a.jpg', 'a (2).jpg', 'A (3).JPG', 'b/a.jpg'],
    ],
    [
      ['a.jpg', 'a (2).jpg', 'a.jpg'],
      ['a.jpg', 'a (2).jpg', 'a (3).jpg'],
    ],
    [
      ['v1.2/scan', 'v1.2/scan'],
      ['v1.2/scan', 'v1.2/scan (2)'],
    ],
    [['manifest.jsonl'], ['manifest (2).jsonl']],
    [
      ['a.png', 'a.png.jpg'],
      ['a.png', 'a.png (2).jpg'],
    ],
    [
      ['a.png.jpg', 'a.png'],
      ['a.png.jpg', 'a (2).png'],
    ],
  ])('has a number if it is taken: %j', (wanted, expected) => {
    const names = new ResultNames();
    expect(wanted.map((name) => names.take(name))).toEqual(expected);
  });

  it('is that of no other result, whatever the formats', () => {
    const name = fc.stringMatching(/^([abA]|[ab]\/)(\.jpg|\.jpeg|\.png|\.webp| \(2\)|\.tar){0,3}$/);
    const items = fc.array(fc.tuple(name, fc.constantFrom(...TYPES)), { maxLength: 30 });
    fc.assert(
      fc.property(items, (given) => {
        const names = new ResultNames();
        const results = given.map(([source, type]) => resultName(names.take(source), type).toLowerCase());
        expect(new Set(results).size).toBe(given.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('is found without a search among 20,000 that are equal', () => {
    const names = new ResultNames();
    for (let at = 1; at < 20_000; at++) names.take('photo.jpg');
    expect(names.take('photo.jpg')).toBe('photo (20000).jpg');
  });
});
