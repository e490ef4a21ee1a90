import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AllowedPlaces, overlap, toPlace, WRITING } from './s3-place.ts';

const admits = (entries: string[], bucket: string, prefix: string): boolean => {
  try {
    new AllowedPlaces(entries, 'store').admit({ bucket, prefix });
    return true;
  } catch {
    return false;
  }
};

describe('a place in S3', () => {
  it.each([
    [['photos'], 'photos', '', true],
    [['photos'], 'photos', 'any/folder', true],
    [['photos/press'], 'photos', 'press', true],
    [['photos/press/'], 'photos', 'press/2026/', true],
    [['photos/press'], 'photos', 'press-secret/', false],
    [['photos/press'], 'photos', 'press/../secret', false],
    [['photos/press'], 'photos', '/press', false],
    [['photos/press'], 'photos', '', false],
    [['photos/press'], 'photos', 'Press/', false],
    [['photos'], 'photos-secret', '', false],
    [['other', 'photos/press'], 'photos', 'press', true],
    [[], 'photos', '', false],
  ])('is allowed by %j: %s and %j: %j', (entries, bucket, prefix, expected) => {
    expect(admits(entries, bucket, prefix)).toBe(expected);
  });

  it.each(['', '/', 'Photos', 'photos//a', 'photos/../a', 'https://photos/a', 'p', `photos/${'a'.repeat(1000)}`])(
    'cannot be allowed by %j',
    (entry) => {
      expect(() => new AllowedPlaces([entry], '')).toThrow(/FACE_API_BATCH_S3_ALLOW/);
    },
  );

  it('cannot be where the service has the images of all keys', () => {
    for (const own of ['store', 'store/originals', 'store/results/2026', 'store/versions', 'store/batches/']) {
      expect(() => new AllowedPlaces([own], 'store')).toThrow(/all API keys/);
    }
    expect(new AllowedPlaces(['store/incoming', 'photos/originals'], 'store').isEmpty).toBe(false);
  });

  it('is read by another setting than it is written by', () => {
    const rejected = () => new AllowedPlaces([], '', WRITING).admit({ bucket: 'photos', prefix: '' });
    expect(rejected).toThrow(/^output: the service must not write to .*FACE_API_BATCH_S3_OUTPUT_ALLOW/);
    expect(() => new AllowedPlaces(['store/results'], 'store', WRITING)).toThrow(/FACE_API_BATCH_S3_OUTPUT_ALLOW/);
  });

  it.each([
    ['press/', 'press/', true],
    ['press/', 'press/masked/', true],
    ['press/masked/', 'press/', true],
    ['', 'press/', true],
    ['press/', 'press-masked/', false],
    ['press/a/', 'press/b/', false],
  ])('overlaps another: %j and %j: %j', (one, other, expected) => {
    expect(overlap({ bucket: 'photos', prefix: one }, { bucket: 'photos', prefix: other })).toBe(expected);
    expect(overlap({ bucket: 'photos', prefix: one }, { bucket: 'masked', prefix: other })).toBe(false);
  });

  it('never reaches out of the folder that is allowed, whatever the prefix', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc
        .array(fc.constantFrom('press', '..', '.', '/', 'press/', '%2e', '\\', ' '), { maxLength: 8 })
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (prefix) => {
        const place = toPlace({ bucket: 'photos', prefix });
        if (place) {
          expect(place.prefix === '' || place.prefix.endsWith('/')).toBe(true);
          expect(place.prefix.split('/').slice(0, -1)).not.toContain('..');
          expect(toPlace(place)).toEqual(place);
        }
        if (admits(['photos/press'], 'photos', prefix)) expect(place?.prefix).toMatch(/^press\//);
      }),
      { numRuns: 2000 },
    );
  });
});
