import { describe, expect, it } from 'vitest';
import { fromText } from '../http/option-text.ts';
import { detectOptionsSchema } from '../inference/schemas.ts';
import { maskOptionsSchema } from './schemas.ts';

const parse = (texts: Record<string, string>) => maskOptionsSchema.safeParse(fromText(texts, maskOptionsSchema));

/** Names of the options that are refused. */
const refused = (texts: Record<string, string>) =>
  parse(texts).error?.issues.map(({ path, code }) => (code === 'unrecognized_keys' ? 'unknown' : path.join('.')));

describe('the options of a masking request, as texts', () => {
  it('are all taken in their full range', () => {
    const texts = {
      threshold: '0.01',
      nms_threshold: '1',
      min_face_size: '0',
      input_size: '4096',
      large_faces: 'false',
      landmarks: 'false',
      detect: 'true',
      review_threshold: '0.01',
      method: 'pixelate',
      color: '#a0B1c2',
      shape: 'box',
      padding: '2',
      strength: '0',
      format: 'webp',
      quality: '100',
      metadata: 'time, credit',
      regions: '[{"left":-1.5,"top":0,"right":20,"bottom":30,"keep":true}]',
    };
    expect(parse(texts).data).toEqual({
      threshold: 0.01,
      nms_threshold: 1,
      min_face_size: 0,
      input_size: 4096,
      large_faces: false,
      landmarks: false,
      detect: true,
      review_threshold: 0.01,
      method: 'pixelate',
      color: '#a0B1c2',
      shape: 'box',
      padding: 2,
      strength: 0,
      format: 'webp',
      quality: 100,
      metadata: ['time', 'credit'],
      regions: [{ left: -1.5, top: 0, right: 20, bottom: 30, keep: true }],
    });
  });

  it('may all be absent or empty', () => {
    expect(parse({}).data).toEqual({});
    expect(parse({ threshold: '', regions: '', format: '' }).data).toEqual({});
  });

  it.each([
    ['threshold', '0'],
    ['threshold', '1.01'],
    ['threshold', '9'.repeat(400)],
    ['nms_threshold', '-0.1'],
    ['min_face_size', '-1'],
    ['input_size', '0'],
    ['input_size', '650'],
    ['input_size', '4128'],
    ['landmarks', 'yes'],
    ['detect', '0'],
    ['review_threshold', '0'],
    ['review_threshold', '1.1'],
    ['method', 'Blur'],
    ['method', 'none'],
    ['color', 'red'],
    ['color', '#fff'],
    ['color', '#00000g'],
    ['shape', 'circle'],
    ['padding', '2.1'],
    ['margin', '2.1'],
    ['strength', '-0.5'],
    ['mark', 'yes'],
    ['format', 'bmp'],
    ['quality', '0'],
    ['quality', '101'],
    ['metadata', 'none,time'],
    ['regions', 'left'],
  ])('are refused by name: %s=%s', (name, text) => {
    expect(refused({ [name]: text })).toEqual([name]);
  });

  it.each([
    ['a number', '7', 'regions.0'],
    ['a side too few', '[{"left":0,"top":0,"right":9}]', 'regions.0.bottom'],
    ['a text for a number', '[{"left":"0","top":0,"right":9,"bottom":9}]', 'regions.0.left'],
    ['no width', '[{"left":9,"top":0,"right":9,"bottom":9}]', 'regions.0'],
    ['inside out', '[{"left":0,"top":9,"right":9,"bottom":0}]', 'regions.0'],
    ['the second one', '[{"left":0,"top":0,"right":9,"bottom":9},7]', 'regions.1'],
    ['too large for a number', '[{"left":0,"top":0,"right":1e999,"bottom":9}]', 'regions.0.right'],
  ])('are refused where a region has %s', (_, text, path) => {
    expect(refused({ regions: text })).toEqual([path]);
  });

  it.each([
    ['none', ['none']],
    ['place', ['place']],
    ['["time","place"]', ['time', 'place']],
  ])('take metadata as names or as JSON: %s', (text, names) => {
    expect(parse({ metadata: text }).data).toEqual({ metadata: names });
  });

  it('are refused where metadata is not known, and say what is', () => {
    const { error } = parse({ metadata: 'time,gps' });
    expect(error?.issues[0]?.path).toEqual(['metadata', 1]);
    expect(refused({ metadata: '[1' })).toEqual(['metadata.0']);
  });

  it('take a thousand regions and no more', () => {
    const region = '{"left":0,"top":0,"right":9,"bottom":9}';
    const regions = (count: number) => `[${Array(count).fill(region).join(',')}]`;
    expect(refused({ regions: regions(1000) })).toBeUndefined();
    expect(refused({ regions: regions(1001) })).toEqual(['regions']);
  });

  it('are refused where a name is not known: a mistyped option must not be ignored', () => {
    expect(refused({ treshold: '0.5' })).toEqual(['unknown']);
    expect(refused({ constructor: '1' })).toEqual(['unknown']);
  });

  it('are refused where verification is asked for and detection forbidden, with the way out', () => {
    expect(refused({ verify: 'true', detect: 'false' })).toEqual(['verify']);
    expect(parse({ verify: 'true', detect: 'false' }).error?.issues[0]?.message).toContain('Remove one of them');
    expect(refused({ verify: 'false', detect: 'false' })).toBeUndefined();
    expect(refused({ verify: 'true', detect: 'true' })).toBeUndefined();
    expect(refused({ detect: 'false' })).toBeUndefined();
  });

  it('of masking are not taken for detection', () => {
    expect(detectOptionsSchema.safeParse({ threshold: 0.5 }).success).toBe(true);
    expect(detectOptionsSchema.safeParse({ threshold: 0.5, method: 'blur' }).success).toBe(false);
  });
});
