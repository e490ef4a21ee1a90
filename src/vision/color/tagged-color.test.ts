import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { hundredThousandths, withChunks } from '../../../test/fixtures/png-chunks.ts';
import { pngParts } from '../container/png-parts.ts';
import { primariesOf, SRGB_PRIMARIES } from './primaries.ts';
import { heifColor, pngColor } from './tagged-color.ts';

const picture = sharp({ create: { width: 16, height: 16, channels: 3, background: 'teal' } });
const png = await picture.clone().png().toBuffer();
const avif = await picture.clone().avif({ lossless: true, chromaSubsampling: '4:4:4' }).toBuffer();

const GAMMA = { gAMA: hundredThousandths(0.55) };
const P3_XY = [0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06];
const PQ = Buffer.from([9, 16, 0, 1]);
const SRGB = Buffer.from([0]);

describe('the color of a PNG', () => {
  const colorOf = (chunks: Record<string, Buffer>) => pngColor(pngParts(withChunks(png, chunks)));

  it('may be in a profile where no chunk says anything else', () => {
    expect(colorOf({})).toBe('profile');
    expect(colorOf({ sRGB: SRGB, ...GAMMA })).toBe('profile');
    expect(colorOf({ cHRM: hundredThousandths(...P3_XY) })).toBe('profile');
    expect(colorOf({ gAMA: hundredThousandths(0.45455) })).toBe('profile');
    expect(colorOf({ gAMA: hundredThousandths(0) })).toBe('profile');
  });

  it('is in its gamma, and in its primaries where there are any', () => {
    expect(colorOf(GAMMA)).toMatchObject({ primaries: SRGB_PRIMARIES });
    expect(colorOf({ ...GAMMA, cHRM: hundredThousandths(...P3_XY) })).toMatchObject({ primaries: P3_XY });
  });

  it('is first of all in cICP, unless that is not for PNG', () => {
    expect(colorOf({ cICP: PQ, sRGB: SRGB })).toMatchObject({ primaries: primariesOf(9), transfer: { isHdr: true } });
    expect(colorOf({ cICP: Buffer.from([1, 13, 0, 1]), ...GAMMA })).toBe('srgb');
    expect(colorOf({ cICP: Buffer.from([9, 16, 9, 1]), sRGB: SRGB })).toBe('profile');
  });
});

describe('the color of an AVIF', () => {
  const withCodes = (primaries: number, transfer: number) => {
    const bytes = Buffer.from(avif);
    const at = bytes.indexOf('colrnclx') + 8;
    bytes.writeUInt16BE(primaries, at);
    bytes.writeUInt16BE(transfer, at + 2);
    return bytes;
  };

  it('is in its nclx', () => {
    expect(heifColor(avif)).toBe('srgb');
    expect(heifColor(withCodes(9, 16))).toMatchObject({ primaries: primariesOf(9), transfer: { isHdr: true } });
    // Of video, which is shown as sRGB.
    expect(heifColor(withCodes(1, 1))).toBe('srgb');
    expect(heifColor(withCodes(2, 2))).toBe('srgb');
  });

  it('may be in a profile where there is one, or where the file is damaged', async () => {
    expect(heifColor(await picture.clone().withIccProfile('p3').avif().toBuffer())).toBe('profile');
    expect(heifColor(avif.subarray(0, 100))).toBe('profile');
  });
});
