import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { anyForeign, anyValues, sourceOf } from '../../../test/fixtures/any-metadata.ts';
import { withMetadata, writeExif, xmpPacket } from '../../../test/fixtures/exif-writer.ts';
import { noise } from '../../../test/fixtures/shapes.ts';
import { foreignParts } from '../../vision/container/foreign-parts.ts';
import { hiddenPayloads } from '../../vision/container/hidden-payloads.ts';
import { METADATA_FORMATS } from '../../vision/metadata/embed-metadata.ts';
import { METADATA_GROUPS, type MetadataGroup, type MetadataValues } from '../../vision/metadata/metadata.ts';
import { readMetadata } from '../../vision/metadata/read-metadata.ts';
import { carryMetadata } from './carry-metadata.ts';
import { encodeFrames, encodeImage, type Encoding } from './encode.ts';
import type { OutputFormat } from './messages.ts';

const SIZE = { width: 60, height: 30 };
const picture = noise(SIZE, 3, 1);
const CASES = 60;

const encoding = (format: OutputFormat): Encoding => ({ format, quality: 90, effort: 'fast', halvedChroma: false });
const encoded = new Map(
  await Promise.all(
    [...METADATA_FORMATS, 'gif' as const].map(
      async (format) => [format, await encodeImage(picture, null, encoding(format))] as const,
    ),
  ),
);
const jpeg = Buffer.from(encoded.get('jpeg')!);

const carried = (upload: Uint8Array, format: OutputFormat, wanted: readonly MetadataGroup[] = METADATA_GROUPS) =>
  carryMetadata(upload, encoded.get(format)!, wanted, format, SIZE);

const upload = (values: MetadataValues, foreign: { text: string; bytes: Uint8Array }, little = true) => {
  const { exif, xmp } = sourceOf(values, foreign);
  return withMetadata(jpeg, writeExif(exif, little), xmp);
};

const FULL: MetadataValues = {
  time: { local: '2026-11-28T06:40:00', milliseconds: 5, offset: '+01:00' },
  place: { latitude: -33.5, longitude: 151.25, altitude: 3.5 },
  credit: { creators: ['Ana & <Bo>'], rights: '© Ana', credit: 'Agency' },
  camera: { make: 'Canon', model: 'EOS R5', fNumber: 2.8 },
  panorama: {
    projection: 'equirectangular',
    picture: SIZE,
    full: { width: 60, height: 30 },
    left: 0,
    top: 0,
    angles: {},
  },
};
const FOREIGN = { text: 'secret text of a camera', bytes: new Uint8Array(40).fill(77) };

describe.each(METADATA_FORMATS)('metadata that is carried into %s', (format) => {
  it('has the values of the upload, and is read back the same', () => {
    fc.assert(
      fc.property(anyValues(SIZE), anyForeign, fc.boolean(), (values, foreign, little) => {
        const { bytes, outcomes } = carried(upload(values, foreign, little), format);
        for (const group of METADATA_GROUPS) expect(outcomes![group]).toBe(values[group] ? 'carried' : 'missing');
        expect(rounded(readMetadata(bytes, METADATA_GROUPS, SIZE).values)).toEqual(rounded(values));
      }),
      { numRuns: CASES },
    );
  });

  it('depends on the values only: files with the same values give the same bytes, whatever else they hold', () => {
    fc.assert(
      fc.property(anyValues(SIZE), anyForeign, anyForeign, (values, one, other) => {
        const [a, b] = [carried(upload(values, one, true), format), carried(upload(values, other, false), format)];
        expect(Buffer.compare(a.bytes, b.bytes)).toBe(0);
      }),
      { numRuns: CASES },
    );
  });

  it('has no eight bytes of anything else', () => {
    fc.assert(
      fc.property(anyValues(SIZE), anyForeign, (values, foreign) => {
        const { bytes } = carried(upload(values, foreign), format);
        const foreignRuns = [...runsOf(Buffer.from(foreign.text)), ...runsOf(foreign.bytes)];
        const found = Buffer.from(bytes);
        for (const run of foreignRuns) {
          if (encoded.get(format)!.length > 0 && Buffer.from(encoded.get(format)!).includes(run)) continue;
          expect(found.includes(run), run.toString('latin1')).toBe(false);
        }
      }),
      { numRuns: CASES },
    );
  });

  it('leaves the picture as it is', async () => {
    const raw = (bytes: Uint8Array) => sharp(bytes, { failOn: 'warning' }).raw().toBuffer();
    const { bytes } = carried(upload(FULL, FOREIGN), format);
    expect(Buffer.compare(await raw(bytes), await raw(encoded.get(format)!))).toBe(0);
    const { exif, xmp, orientation, width, height } = await sharp(bytes).metadata();
    expect(xmp?.toString()).toContain('Ana &amp; &lt;Bo&gt;');
    if (format !== 'tiff') expect(exif!.includes('EOS R5')).toBe(true);
    expect(orientation ?? 1).toBe(1);
    expect({ width, height }).toEqual(SIZE);
  });

  it('is the only thing that is added', () => {
    const { bytes } = carried(upload(FULL, FOREIGN), format);
    expect(foreignParts(encoded.get(format)!)).toEqual([]);
    expect(foreignParts(bytes, true)).toEqual([]);
    expect(foreignParts(bytes).length).toBeGreaterThan(0);
    expect(hiddenPayloads(bytes, 1).map(({ kind }) => kind)).not.toContain('thumbnail');
  });

  it('is nothing where the upload has none', () => {
    expect(carried(jpeg, format).bytes).toEqual(encoded.get(format));
  });
});

describe('metadata', () => {
  it.each(['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const)(
    'that is not asked for is not added: %s',
    (format) => {
      const { bytes, outcomes } = carried(upload(FULL, FOREIGN), format, []);
      expect(bytes).toBe(encoded.get(format));
      expect(outcomes).toBeNull();
    },
  );

  it('is of the groups that are asked for, and no other', () => {
    const { bytes, outcomes } = carried(upload(FULL, FOREIGN), 'jpeg', ['credit']);
    expect(outcomes).toEqual({ credit: 'carried' });
    expect(readMetadata(bytes, METADATA_GROUPS, SIZE).values).toEqual({ credit: FULL.credit });
  });

  it('has no place in a GIF, and the answer says so', () => {
    const { bytes, outcomes } = carried(upload(FULL, FOREIGN), 'gif', ['time', 'place']);
    expect(bytes).toBe(encoded.get('gif'));
    expect(outcomes).toEqual({ time: 'unsupported', place: 'unsupported' });
  });

  it.each(['webp', 'tiff'] as const)('comes with all frames of a %s', async (format) => {
    const film = noise({ width: 60, height: 90 }, 3, 2);
    const frames = [0, 1, 2].map((index) => ({
      ...SIZE,
      channels: 3 as const,
      data: film.data.subarray(index * 5400, (index + 1) * 5400),
    }));
    const plain = await encodeFrames(frames, { delays: [40, 50, 70_000], loop: 2 }, encoding(format));
    const { bytes } = carryMetadata(upload(FULL, FOREIGN), plain, METADATA_GROUPS, format, SIZE);
    const [before, after] = await Promise.all([plain, bytes].map((file) => sharp(file, { pages: -1 }).metadata()));
    expect(after).toMatchObject({
      pages: before!.pages,
      ...(before!.delay && { delay: before!.delay, loop: before!.loop }),
    });
    const pixels = (file: Uint8Array) => sharp(file, { pages: -1 }).raw().toBuffer();
    expect(Buffer.compare(await pixels(bytes), await pixels(plain))).toBe(0);
    expect(rounded(readMetadata(bytes, METADATA_GROUPS, SIZE).values)).toEqual(rounded(FULL));
    expect(foreignParts(bytes, true)).toEqual([]);
  });

  it.each(METADATA_FORMATS)('comes with transparency and a color profile: %s', async (format) => {
    const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } });
    const { icc } = await sharp(await pixel.withIccProfile('p3').png().toBuffer()).metadata();
    const plain = await encodeImage(noise(SIZE, 4, 3), icc!, encoding(format));
    const { bytes } = carryMetadata(upload(FULL, FOREIGN), plain, METADATA_GROUPS, format, SIZE);
    const raw = (file: Uint8Array) => sharp(file, { failOn: 'warning', ignoreIcc: true }).raw().toBuffer();
    expect(Buffer.compare(await raw(bytes), await raw(plain))).toBe(0);
    const { hasAlpha, hasProfile } = await sharp(bytes).metadata();
    expect({ hasAlpha, hasProfile }).toEqual({ hasAlpha: format !== 'jpeg', hasProfile: true });
    expect(readMetadata(bytes, METADATA_GROUPS, SIZE).outcomes.time).toBe('carried');
  });
});

describe('a hostile upload', () => {
  const start = writeExif(sourceOf(FULL, FOREIGN).exif);
  const packet = sourceOf(FULL, FOREIGN).xmp;

  it('never fails, and gives only permitted values, however its EXIF is damaged', () => {
    const damage = fc.array(fc.tuple(fc.nat(start.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(damage, (changes) => {
        const exif = Buffer.from(start);
        for (const [at, value] of changes) exif[at] = value;
        expectPermitted(carried(withMetadata(jpeg, exif, null), 'png').bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('never fails, whatever its XMP is', () => {
    const damage = fc.array(fc.tuple(fc.nat(packet.length - 1), fc.string({ maxLength: 3 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(damage, (changes) => {
        let xmp = packet;
        for (const [at, text] of changes) xmp = xmp.slice(0, at) + text + xmp.slice(at + text.length);
        expectPermitted(carried(withMetadata(jpeg, null, xmp), 'jpeg').bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('cannot put elements into the XMP of the output', () => {
    const names = ['</rdf:li></rdf:Seq><evil/>', '" xmlns:e="urn:e', '&lt;b&gt;', '&#x0;'].map(
      (name) => `<rdf:li>${name.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</rdf:li>`,
    );
    const xmp = xmpPacket(`<dc:creator><rdf:Seq>${names.join('')}</rdf:Seq></dc:creator>`);
    const { bytes } = carried(withMetadata(jpeg, null, xmp), 'jpeg', ['credit']);
    expect(readMetadata(bytes, ['credit'], SIZE).values.credit?.creators).toEqual([
      '</rdf:li></rdf:Seq><evil/>',
      '" xmlns:e="urn:e',
      '&lt;b&gt;',
      '&#x0;',
    ]);
  });
});

/** What is written is read back in full: nothing of it is rejected. */
function expectPermitted(bytes: Uint8Array): void {
  const { values, outcomes } = readMetadata(bytes, METADATA_GROUPS, SIZE);
  for (const group of METADATA_GROUPS) expect(outcomes[group]).toBe(values[group] ? 'carried' : 'missing');
}

/** Numbers as far as they are written: the ten-thousandth of a second of arc. */
function rounded(values: MetadataValues): unknown {
  return JSON.parse(JSON.stringify(values), (_, value: unknown) =>
    typeof value === 'number' ? Math.round(value * 36_000_000) : value,
  );
}

function runsOf(bytes: Uint8Array): Buffer[] {
  return Array.from({ length: bytes.length - 7 }, (_, at) => Buffer.from(bytes.subarray(at, at + 8)));
}
