import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasExifTool, readTags, type Tags, writeTags } from './fixtures/exiftool.ts';
import { encodeHeic, hasHeicEncoder } from './fixtures/heic.ts';
import { portrait, render } from './fixtures/portraits.ts';
import { expectProblem, send, type Service, startService } from './support/service.ts';

/** What people send has its metadata from programs that are not ours, and what they get is read by such programs. */

const WIDTH = 320;
const HEIGHT = 160;
const image = await sharp(await render(portrait({ seed: 4, width: WIDTH, height: HEIGHT }))).toBuffer();
const SECRET = 'secret-7f3a';

const TAGS = [
  'IFD0:Make=FUJIFILM',
  'IFD0:Model=X-T4',
  'IFD0:Artist=Žofie & Bo <z@b>',
  'IFD0:Copyright=© 2026 Žofie',
  `IFD0:ImageDescription=${SECRET}`,
  `IFD0:Software=${SECRET}`,
  'ExifIFD:DateTimeOriginal=2026:11:28 06:40:59',
  'ExifIFD:OffsetTimeOriginal=+01:00',
  'ExifIFD:ExposureTime=0.004',
  'ExifIFD:FNumber=2.8',
  'ExifIFD:ISO=400',
  'ExifIFD:FocalLength=23',
  'ExifIFD:LensModel=XF23mmF1.4 R',
  `ExifIFD:SerialNumber=${SECRET}`,
  `ExifIFD:OwnerName=${SECRET}`,
  `ExifIFD:UserComment=${SECRET}`,
  'GPS:GPSLatitude=48.8583',
  'GPS:GPSLatitudeRef=N',
  'GPS:GPSLongitude=2.2945',
  'GPS:GPSLongitudeRef=W',
  'GPS:GPSAltitude=35.5',
  'GPS:GPSAltitudeRef=0',
  'GPS:GPSDateStamp=2026:11:28',
  'XMP-photoshop:Credit=Agency',
  `XMP-dc:Title=${SECRET}`,
  `XMP-aux:SerialNumber=${SECRET}`,
  'XMP-GPano:ProjectionType=equirectangular',
  `XMP-GPano:CroppedAreaImageWidthPixels=${2 * WIDTH}`,
  `XMP-GPano:CroppedAreaImageHeightPixels=${2 * HEIGHT}`,
  `XMP-GPano:FullPanoWidthPixels=${2 * WIDTH}`,
  `XMP-GPano:FullPanoHeightPixels=${2 * HEIGHT}`,
  'XMP-GPano:CroppedAreaLeftPixels=0',
  'XMP-GPano:CroppedAreaTopPixels=0',
];

const ALL = 'time,place,credit,camera,panorama';
const CARRIED = 'time=carried, place=carried, credit=carried, camera=carried, panorama=carried';

const EXPECTED: Tags = {
  // Warnings are about entries that EXIF requires and no reader needs, such as the resolution.
  'ExifTool:Validate': 'no errors',
  'IFD0:Make': 'FUJIFILM',
  'IFD0:Model': 'X-T4',
  'IFD0:Artist': 'Žofie & Bo <z@b>',
  'IFD0:Copyright': '© 2026 Žofie',
  'ExifIFD:DateTimeOriginal': '2026:11:28 06:40:59',
  'ExifIFD:OffsetTimeOriginal': '+01:00',
  'ExifIFD:ExposureTime': 0.004,
  'ExifIFD:FNumber': 2.8,
  'ExifIFD:ISO': 400,
  'ExifIFD:FocalLength': 23,
  'ExifIFD:LensModel': 'XF23mmF1.4 R',
  'ExifIFD:ExifVersion': '0232',
  'GPS:GPSVersionID': '2 3 0 0',
  'GPS:GPSLatitudeRef': 'N',
  'GPS:GPSLatitude': 48.8583,
  'GPS:GPSLongitudeRef': 'W',
  'GPS:GPSLongitude': 2.2945,
  'GPS:GPSAltitudeRef': 0,
  'GPS:GPSAltitude': 35.5,
  'XMP-dc:Creator': ['Žofie & Bo <z@b>'],
  'XMP-dc:Rights': '© 2026 Žofie',
  'XMP-photoshop:Credit': 'Agency',
  'XMP-GPano:ProjectionType': 'equirectangular',
  'XMP-GPano:UsePanoramaViewer': true,
  'XMP-GPano:CroppedAreaImageWidthPixels': WIDTH,
  'XMP-GPano:CroppedAreaImageHeightPixels': HEIGHT,
  'XMP-GPano:FullPanoWidthPixels': WIDTH,
  'XMP-GPano:FullPanoHeightPixels': HEIGHT,
  'XMP-GPano:CroppedAreaLeftPixels': 0,
  'XMP-GPano:CroppedAreaTopPixels': 0,
};

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

async function bytesOf(response: Response): Promise<Buffer> {
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

const asFormat = (format: 'jpeg' | 'png' | 'webp' | 'avif' | 'tiff') => sharp(image).toFormat(format).toBuffer();

describe.skipIf(!hasExifTool)('metadata that is asked for', () => {
  it.each(['jpeg', 'png', 'webp', 'avif', 'tiff'] as const)(
    'comes from a %s, and ExifTool reads it',
    async (format) => {
      const source = await writeTags(await asFormat(format), TAGS);
      expect(source.includes(SECRET)).toBe(true);
      const response = await send(service.url, 'mask', source, { options: { metadata: ALL } });
      expect(response.headers.get('x-metadata')).toBe(CARRIED);
      const output = await bytesOf(response);
      expect(await ownTags(output)).toEqual(EXPECTED);
      expect(output.includes(SECRET)).toBe(false);
    },
  );

  it.each(['jpeg', 'png', 'webp', 'avif', 'tiff'] as const)('goes into a %s', async (format) => {
    const source = await writeTags(await asFormat('jpeg'), TAGS);
    const response = await send(service.url, 'mask', source, { options: { metadata: ALL, format } });
    expect(await ownTags(await bytesOf(response))).toEqual(EXPECTED);
  });

  it.skipIf(!hasHeicEncoder)('comes from a HEIC', async () => {
    const source = await writeTags(await encodeHeic(await asFormat('png')), TAGS);
    const response = await send(service.url, 'mask', source, { options: { metadata: ALL } });
    expect(response.headers.get('content-type')).toBe('image/jpeg');
    expect(await ownTags(await bytesOf(response))).toEqual(EXPECTED);
  });

  it('is stated in the JSON', async () => {
    const source = await writeTags(await asFormat('jpeg'), ['IFD0:Make=FUJIFILM', 'ExifIFD:FNumber=2.8']);
    const response = await send(service.url, 'mask', source, {
      headers: { accept: 'application/json' },
      options: { metadata: 'camera,place' },
    });
    expect(((await response.json()) as { metadata: unknown }).metadata).toEqual({
      place: 'missing',
      camera: 'carried',
    });
  });

  it('is never there unasked', async () => {
    const source = await writeTags(await asFormat('jpeg'), TAGS);
    const plain = await bytesOf(await send(service.url, 'mask', await asFormat('jpeg')));
    for (const options of [{}, { metadata: 'none' }]) {
      const response = await send(service.url, 'mask', source, { options });
      expect(response.headers.get('x-metadata')).toBeNull();
      expect(await bytesOf(response)).toEqual(plain);
    }
  });

  /** Tags of our output, without those of the encoder: resolution and, in a TIFF, size and coding. */
  async function ownTags(output: Buffer): Promise<Tags> {
    const coding =
      /^IFD0:(SubfileType|ImageWidth|ImageHeight|BitsPerSample|Compression|Photometric.*|Strip.*|RowsPerStrip|SamplesPerPixel|[XY]Resolution|ResolutionUnit|PlanarConfiguration|Predictor|SampleFormat|Orientation|PageNumber)$/;
    const tags = Object.entries(await readTags(output)).filter(([name]) => !coding.test(name));
    return Object.fromEntries(tags.map(([name, value]) => [name, plainly(name, value)]));
  }
});

/** Positions as far as they are written; of the validation, whether it found errors. */
function plainly(name: string, value: unknown): unknown {
  if (name === 'ExifTool:Validate') return /^0 \d+ 0$/.test(String(value)) ? 'no errors' : value;
  return /^GPS:GPSL.*tude$/.test(name) ? Math.round(Number(value) * 1e6) / 1e6 : value;
}

describe('the permitted metadata', () => {
  it('is limited by the configuration', async () => {
    const limited = await startService({ FACE_API_METADATA_ALLOW: 'credit, time' });
    try {
      const refused = await send(limited.url, 'mask', image, { options: { metadata: 'time,place,camera' } });
      const { detail } = await expectProblem(refused, 400, 'invalid-option');
      expect(detail).toBe('metadata: this service does not permit place, camera. Permitted: time, credit');
      expect((await send(limited.url, 'mask', image, { options: { metadata: 'time' } })).status).toBe(200);
    } finally {
      await limited.close();
    }
  });

  it('can be none', async () => {
    const strict = await startService({ FACE_API_METADATA_ALLOW: 'none' });
    try {
      const refused = await send(strict.url, 'mask', image, { options: { metadata: 'credit' } });
      expect((await expectProblem(refused, 400, 'invalid-option')).detail).toMatch(/Remove the option$/);
      expect((await send(strict.url, 'mask', image, { options: { metadata: 'none' } })).status).toBe(200);
    } finally {
      await strict.close();
    }
  });
});
