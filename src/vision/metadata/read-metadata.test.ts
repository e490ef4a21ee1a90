import { describe, expect, it } from 'vitest';
import {
  ASCII,
  type ExifEntry,
  type ExifParts,
  LONG,
  RATIONAL,
  SHORT,
  SIGNED_RATIONAL,
  UNDEFINED,
  withMetadata,
  writeExif,
  xmpPacket,
} from '../../../test/fixtures/exif-writer.ts';
import { METADATA_GROUPS } from './metadata.ts';
import { readMetadata } from './read-metadata.ts';

const SIZE = { width: 400, height: 200 };
/** Start and end marker: what is between them is not looked at. */
const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xd9]);

const read = (exif: ExifParts | null, xmp: string | null = null, little = true) =>
  readMetadata(withMetadata(JPEG, exif && writeExif(exif, little), xmp), METADATA_GROUPS, SIZE);

const position = (latitude: readonly number[], longitude: readonly number[]): readonly ExifEntry[] => [
  [1, ASCII, 'S'],
  [2, RATIONAL, latitude],
  [3, ASCII, 'E'],
  [4, RATIONAL, longitude],
];
const LATITUDE = [33, 1, 51, 1, 3140, 100];
const LONGITUDE = [151, 1, 12, 1, 5, 10];

describe('the metadata of an image', () => {
  const everything: ExifParts = {
    image: [
      [271, ASCII, 'Canon'],
      [272, ASCII, 'Canon EOS R5'],
      [315, ASCII, 'Žofie Müller'],
      [33_432, ASCII, '© 2026  Žofie\nMüller'],
    ],
    exif: [
      [33_434, RATIONAL, [1, 250]],
      [33_437, RATIONAL, [28, 10]],
      [34_855, SHORT, [400]],
      [36_867, ASCII, '2026:11:28 06:40:59'],
      [36_881, ASCII, '+11:00'],
      [37_380, SIGNED_RATIONAL, [-2, 3]],
      [37_386, RATIONAL, [50, 1]],
      [37_521, ASCII, '07'],
      [41_989, SHORT, [75]],
      [42_035, ASCII, 'Canon'],
      [42_036, ASCII, 'RF50mm F1.8 STM'],
    ],
    gps: [...position(LATITUDE, LONGITUDE), [5, 1, [1]], [6, RATIONAL, [125, 10]]],
  };

  it.each([true, false])('is read as values, little-endian: %s', (little) => {
    expect(read(everything, null, little)).toEqual({
      values: {
        time: { local: '2026-11-28T06:40:59', milliseconds: 70, offset: '+11:00' },
        place: {
          latitude: -(33 + 51 / 60 + 31.4 / 3600),
          longitude: 151 + 12 / 60 + 0.5 / 3600,
          altitude: -12.5,
        },
        credit: { creators: ['Žofie Müller'], rights: '© 2026 Žofie Müller' },
        camera: {
          make: 'Canon',
          model: 'Canon EOS R5',
          lensMake: 'Canon',
          lens: 'RF50mm F1.8 STM',
          exposureTime: 0.004,
          fNumber: 2.8,
          iso: 400,
          exposureBias: -2 / 3,
          focalLength: 50,
          focalLength35: 75,
        },
      },
      outcomes: { time: 'carried', place: 'carried', credit: 'carried', camera: 'carried', panorama: 'missing' },
    });
  });

  it('is read only for the groups that are asked for', () => {
    const file = withMetadata(JPEG, writeExif(everything), null);
    expect(readMetadata(file, ['time'], SIZE).outcomes).toEqual({ time: 'carried' });
    expect(Object.keys(readMetadata(file, ['time'], SIZE).values)).toEqual(['time']);
  });

  it('is read from XMP where EXIF has none', () => {
    const xmp = xmpPacket(
      `<dc:creator><rdf:Seq><rdf:li>Ana &amp; Bo</rdf:li><rdf:li>Đức</rdf:li></rdf:Seq></dc:creator>
       <dc:rights><rdf:Alt><rdf:li xml:lang="de">alle</rdf:li><rdf:li xml:lang="x-default">all</rdf:li></rdf:Alt></dc:rights>
       <exif:ISOSpeedRatings><rdf:Seq><rdf:li>200</rdf:li></rdf:Seq></exif:ISOSpeedRatings>`,
      `photoshop:Credit="Agency" photoshop:DateCreated="2020-02-29T23:59:58.125Z" tiff:Model='X-T4' exif:ExposureTime="1/60"
       exif:GPSLatitude="51,30.6N" exif:GPSLongitude="0,7,30W" exif:GPSAltitude="35/2" exif:GPSAltitudeRef="0"`,
    );
    expect(read(null, xmp).values).toEqual({
      time: { local: '2020-02-29T23:59:58', milliseconds: 125, offset: '+00:00' },
      place: { latitude: 51.51, longitude: -0.125, altitude: 17.5 },
      credit: { creators: ['Ana & Bo', 'Đức'], rights: 'all', credit: 'Agency' },
      camera: { model: 'X-T4', exposureTime: 1 / 60, iso: 200 },
    });
  });

  it('is missing where there is none', () => {
    const none = { time: 'missing', place: 'missing', credit: 'missing', camera: 'missing', panorama: 'missing' };
    expect(read(null).outcomes).toEqual(none);
    expect(readMetadata(Buffer.from('GIF89a'), METADATA_GROUPS, SIZE).outcomes).toEqual(none);
    expect(readMetadata(Buffer.from('nothing'), METADATA_GROUPS, SIZE).outcomes).toEqual(none);
  });
});

describe('a time', () => {
  const timeOf = (text: string) => read({ exif: [[36_867, ASCII, text]] });

  it.each(['2026:02:29 10:00:00', '2026:13:01 10:00:00', '2026:01:01 24:00:00', '1700:01:01 10:00:00', 'yesterday'])(
    'is rejected where the calendar has none: %s',
    (text) => {
      expect(timeOf(text)).toMatchObject({ values: {}, outcomes: { time: 'rejected' } });
    },
  );

  it.each(['0000:00:00 00:00:00', '    :  :     :  :  '])('is missing where the camera did not know it: %s', (text) => {
    expect(timeOf(text).outcomes.time).toBe('missing');
  });

  it('is carried without an offset that no place has', () => {
    const { values, outcomes } = read({
      exif: [
        [36_867, ASCII, '2026:01:01 10:00:00'],
        [36_881, ASCII, '+99:99'],
      ],
    });
    expect(values.time).toEqual({ local: '2026-01-01T10:00:00' });
    expect(outcomes.time).toBe('partly_carried');
  });
});

describe('a place', () => {
  it.each([
    ['beyond the pole', [91, 1, 0, 1, 0, 1], LONGITUDE],
    ['beyond the half of the Earth', LATITUDE, [180, 1, 1, 1, 0, 1]],
    ['a division by zero', [0, 0, 0, 0, 0, 0], LONGITUDE],
    ['two numbers', [33, 1, 51, 1], LONGITUDE],
    ['sixty minutes', [33, 1, 60, 1, 0, 1], LONGITUDE],
  ])('is rejected: %s', (_, latitude, longitude) => {
    expect(read({ gps: position(latitude, longitude) })).toMatchObject({
      values: {},
      outcomes: { place: 'rejected' },
    });
  });

  it('is rejected without its side of the equator', () => {
    const gps = position(LATITUDE, LONGITUDE).filter(([tag]) => tag !== 1);
    expect(read({ gps }).outcomes.place).toBe('rejected');
  });

  it('is carried without a height above all airplanes', () => {
    const { values, outcomes } = read({ gps: [...position(LATITUDE, LONGITUDE), [6, RATIONAL, [4_000_000, 1]]] });
    expect(Object.keys(values.place!)).toEqual(['latitude', 'longitude']);
    expect(outcomes.place).toBe('partly_carried');
  });
});

describe('a credit', () => {
  const artist = (text: string) => read({ image: [[315, ASCII, text]] });

  it.each([
    ['a control character', 'Ana\u0007'],
    ['a change of direction', 'Ana\u202e'],
    ['a character without width', 'A\u200bna'],
    ['a selector of a variant, which can hide a byte', 'Ana\u{e0123}'],
    ['a private character', 'Ana\ue000'],
    ['a filler', 'Ana\u3164'],
    ['too many characters', 'a'.repeat(501)],
  ])('is rejected with %s', (_, text) => {
    expect(artist(text)).toMatchObject({ values: {}, outcomes: { credit: 'rejected' } });
  });

  it('is read from Latin-1', () => {
    expect(read({ image: [[315, ASCII, Buffer.from('J\xf6rg\0', 'latin1')]] }).values.credit?.creators).toEqual([
      'Jörg',
    ]);
  });

  it('ends at the first NUL: what a writer left behind it is not shown', () => {
    expect(artist('Ana\0left behind').values.credit?.creators).toEqual(['Ana']);
  });

  it('has ten creators and no more', () => {
    const names = Array.from({ length: 12 }, (_, index) => `<rdf:li>${index}</rdf:li>`).join('');
    const { values, outcomes } = read(null, xmpPacket(`<dc:creator><rdf:Seq>${names}</rdf:Seq></dc:creator>`));
    expect(values.credit?.creators).toHaveLength(10);
    expect(outcomes.credit).toBe('partly_carried');
  });
});

describe('a camera', () => {
  it.each([
    ['a serial number that the file states', 'EOS R5 SN12345', [[42_033, ASCII, '12345']]],
    ['the name of the owner', 'Phone of Ana', [[42_032, ASCII, 'Ana']]],
    ['so many digits as a serial number', 'EOS R5 012345', []],
    ['a script of no camera', 'ΕΟΣ', []],
    ['a markup', 'EOS<R5>', []],
    ['too many characters', 'EOS '.repeat(30), []],
  ] as const)('is not named with %s', (_, model, exif) => {
    const { values, outcomes } = read({ image: [[272, ASCII, model]], exif: [...exif] });
    expect(values).toEqual({});
    expect(outcomes.camera).toBe('rejected');
  });

  it.each([
    [33_434, RATIONAL, [0, 1]],
    [33_434, RATIONAL, [1, 0]],
    [33_434, ASCII, '1/250'],
    [33_437, RATIONAL, [1, 1, 2, 1]],
    [34_855, SHORT, [0]],
    [37_380, SIGNED_RATIONAL, [50, 1]],
    [37_386, UNDEFINED, Buffer.alloc(8, 1)],
  ] as const)('is carried without an impossible exposure: tag %i', (tag, type, value) => {
    const { values, outcomes } = read({ image: [[271, ASCII, 'Canon']], exif: [[tag, type, value]] });
    expect(values.camera).toEqual({ make: 'Canon' });
    expect(outcomes.camera).toBe('partly_carried');
  });
});

describe('a panorama', () => {
  const gpano = (changes: Record<string, string | number> = {}) =>
    Object.entries({
      ProjectionType: 'equirectangular',
      CroppedAreaImageWidthPixels: 400,
      CroppedAreaImageHeightPixels: 200,
      FullPanoWidthPixels: 600,
      FullPanoHeightPixels: 300,
      CroppedAreaLeftPixels: 100,
      CroppedAreaTopPixels: 40,
      ...changes,
    })
      .map(([name, value]) => `GPano:${name}="${value}"`)
      .join(' ');
  const panorama = (changes?: Record<string, string | number>, exif: ExifParts | null = null) =>
    read(exif, xmpPacket('', gpano(changes)));
  const expected = {
    projection: 'equirectangular',
    picture: SIZE,
    full: { width: 600, height: 300 },
    left: 100,
    top: 40,
  };

  it('is read with its angles', () => {
    const { values, outcomes } = panorama({ PoseHeadingDegrees: '350.004', PosePitchDegrees: -5 });
    expect(values.panorama).toEqual({ ...expected, angles: { PoseHeadingDegrees: 350, PosePitchDegrees: -5 } });
    expect(outcomes.panorama).toBe('carried');
  });

  it('has the sizes of the picture, where the file was made smaller after stitching', () => {
    const sizes = {
      CroppedAreaImageWidthPixels: 8000,
      CroppedAreaImageHeightPixels: 4002,
      FullPanoWidthPixels: 12_000,
      FullPanoHeightPixels: 6000,
      CroppedAreaLeftPixels: 2000,
      CroppedAreaTopPixels: 800,
    };
    expect(panorama(sizes).values.panorama).toEqual({ ...expected, angles: {} });
  });

  it.each([
    ['a size of another picture', { CroppedAreaImageWidthPixels: 500 }],
    ['no size', { CroppedAreaImageWidthPixels: '' }],
    ['a size of zero', { CroppedAreaImageWidthPixels: 0, CroppedAreaImageHeightPixels: 0 }],
    ['a picture larger than the panorama', { FullPanoWidthPixels: 300 }],
    ['a picture beside the panorama', { CroppedAreaLeftPixels: 500 }],
    ['an unknown projection', { ProjectionType: 'private data' }],
    ['a size that is no number', { FullPanoHeightPixels: '3e2' }],
  ])('is rejected with %s', (_, changes) => {
    expect(panorama(changes)).toMatchObject({ values: {}, outcomes: { panorama: 'rejected' } });
  });

  it('is rejected if the picture is turned', () => {
    expect(panorama({}, { image: [[274, SHORT, [3]]] }).outcomes.panorama).toBe('rejected');
  });

  it('is carried without an angle that there is not', () => {
    const { values, outcomes } = panorama({ PoseRollDegrees: 500 });
    expect(values.panorama?.angles).toEqual({});
    expect(outcomes.panorama).toBe('partly_carried');
  });
});

describe('damaged metadata', () => {
  const time: ExifParts = { exif: [[36_867, ASCII, '2026:01:01 10:00:00']] };

  it.each([
    ['a directory beyond the end', writeExif({ image: [[34_665, LONG, [5_000_000]]] })],
    ['a directory at a position of a wrong type', writeExif({ image: [[34_665, SIGNED_RATIONAL, [-5, 1]]] })],
    ['a count of four billion', Buffer.from('II*\0\x08\0\0\0\xff\xff\x04\x90\x02\0', 'latin1')],
    ['no TIFF', Buffer.from('this is not a TIFF at all')],
    ['nothing', Buffer.alloc(0)],
  ])('is said: %s', (_, exif) => {
    const { values, outcomes } = readMetadata(withMetadata(JPEG, exif, null), ['time'], SIZE);
    expect(values).toEqual({});
    expect(outcomes.time).toBe('rejected');
  });

  it('does not end in a loop: a directory that is its own successor and its own part', () => {
    const exif = writeExif({ ...time, thumbnail: [[513, LONG, [8]]] });
    for (const place of [0, 8]) exif.writeUInt32LE(8, exif.length - 4 - place);
    expect(readMetadata(withMetadata(JPEG, exif, null), ['time'], SIZE).values.time).toBeDefined();
    const own = writeExif({ image: [[34_665, LONG, [8]]] });
    expect(readMetadata(withMetadata(JPEG, own, null), ['time'], SIZE).outcomes.time).toBe('missing');
  });

  it('leaves the other values', () => {
    const broken = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>';
    expect(read(time, broken)).toMatchObject({
      values: { time: { local: '2026-01-01T10:00:00' } },
      outcomes: { time: 'partly_carried', credit: 'rejected' },
    });
  });
});
