import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { detectOptionsSchema } from '../inference/schemas.ts';
import { maskOptionsSchema } from './schemas.ts';
import { checkOptionsSchema } from '../receipts/schemas.ts';
import { describeMistakes } from '../http/mistakes.ts';
import { editDistance, useOwnMessages } from '../http/validation-messages.ts';

useOwnMessages();

const schemas = { detect: detectOptionsSchema, mask: maskOptionsSchema, check: checkOptionsSchema };
const mistake = (kind: keyof typeof schemas, options: unknown) =>
  describeMistakes(schemas[kind].safeParse(options).error?.issues ?? []);

describe('the message for a wrong option says what to do', () => {
  it.each([
    ['detect', { threshold: 2 }, 'threshold: must be at most 1'],
    ['detect', { threshold: 0 }, 'threshold: must be at least 0.01'],
    ['detect', { threshold: 'high' }, 'threshold: must be a number'],
    ['detect', { max_faces: 1.5 }, 'max_faces: must be a whole number'],
    ['detect', { input_size: 650 }, 'input_size: must be a multiple of 32'],
    ['detect', { landmarks: 'yes' }, 'landmarks: must be true or false'],
    ['detect', { order: 'best' }, 'order: must be one of score, size'],
    ['detect', { treshold: 0.5 }, 'unknown option "treshold"; did you mean "threshold"?'],
    ['detect', { maxFaces: 1 }, 'unknown option "maxFaces"; did you mean "max_faces"?'],
    ['mask', { methode: 'blur', colour: '#fff000' }, /"method"\?; .*"color"\?$/],
    ['mask', { color: 'red' }, 'color: must be a color such as #000000 (in a URL: %23000000 or 000000)'],
    ['mask', { regions: 'left' }, 'regions: must be a list'],
    ['mask', { regions: [{ left: 0, top: 0, right: 5 }] }, 'regions[0].bottom: is missing: a number'],
    [
      'mask',
      { regions: [{ left: 0, top: 0, right: 5, bottom: 5, kep: true }] },
      'regions[0]: unknown option "kep"; did you mean "keep"?',
    ],
    ['check', {}, 'receipt: is missing: a text'],
    ['check', { receipt: '' }, 'receipt: must not be empty'],
  ] as const)('of %s: %j', (kind, options, message) => {
    expect(mistake(kind, options)).toMatch(
      typeof message === 'string' ? new RegExp(`^${RegExp.escape(message)}$`) : message,
    );
  });

  it('lists what is accepted where no name is near', () => {
    expect(mistake('detect', { banana: 1 })).toMatch(/^unknown option "banana"; accepted: threshold, nms_threshold, /);
  });

  it.each([
    [z.uuid(), 'must be a UUID'],
    [z.iso.datetime(), 'must be a time such as 2026-01-31T12:00:00Z'],
  ])('names the format', (schema, message) => {
    expect(describeMistakes(schema.safeParse('today').error!.issues)).toBe(message);
  });

  it('is never one of the validation library, whatever is sent', () => {
    const name = fc.constantFrom(...Object.keys(maskOptionsSchema.shape), 'unknown');
    fc.assert(
      fc.property(fc.dictionary(name, fc.jsonValue()), (options) => {
        expect(mistake('mask', options)).not.toMatch(/invalid input|too (big|small)|expected|received|unrecognized/i);
      }),
    );
  });
});

it('the edit distance is that of Levenshtein', () => {
  expect(editDistance('kitten', 'sitting')).toBe(3);
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, b)).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      expect(editDistance(a, a + b)).toBe(b.length);
    }),
  );
});
