import sharp from 'sharp';
import { encodeJpeg, type Sampling } from '../fixtures/jpeg-encoder.ts';
import {
  drawScene,
  PLAIN_LOOK,
  type Point,
  type Orientation,
  portrait,
  render,
  type Scene,
  type Side,
  withOrientation,
} from '../fixtures/portraits.ts';
import { type Random, seededRandom } from '../fixtures/random.ts';
import { asBox, type Box, decode, type Pixels } from '../support/picture.ts';
import { type Audit, type Finding, maskedBytes, tryCases, type Verdict } from './check.ts';

/** Masks cover faces: on every frame (promise 4), of every size, at every border, in every orientation (promise 5). */

export const QUERY = { method: 'solid', color: '#ff00ff', shape: 'box', threshold: 0.3 };
const MAGENTA = [255, 0, 255];

/** The share of a box's pixels that have about the color of the mask. */
export function maskedShare({ data, width, height }: Pixels, box: Box): number {
  let [masked, all] = [0, 0];
  for (let y = Math.max(0, Math.floor(box.top)); y < Math.min(height, Math.ceil(box.bottom)); y++) {
    for (let x = Math.max(0, Math.floor(box.left)); x < Math.min(width, Math.ceil(box.right)); x++, all++) {
      if (MAGENTA.every((value, c) => Math.abs(data[(y * width + x) * 3 + c]! - value) < 60)) masked++;
    }
  }
  return masked / all;
}

async function judge(source: Buffer, answer: Buffer, box: Box, page = 0): Promise<Verdict> {
  const share = maskedShare(await decode(await sharp(answer, { page }).png().toBuffer()), box);
  if (share > 0.97) return null;
  return { reason: `${Math.round(100 * share)} % of the face is masked`, files: { source, answer } };
}

const FILMS = ['gif', 'webp', 'tiff'] as const;

export async function checkFrames(audit: Audit): Promise<Finding[]> {
  const size = { width: 200, height: 260 };
  const findings = [];
  for (const format of FILMS) {
    findings.push(
      await tryCases(audit, 4, `a face in one frame of ${format}`, Math.ceil(audit.cases / 4), async (index) => {
        const random = seededRandom(index);
        const scene = portrait({ ...size, seed: random.int(1, 50), faceHeight: random.int(70, 130) });
        const at = random.int(0, 3);
        const source = await film(scene, at, format);
        return judge(source, await maskedBytes(audit, source, QUERY), asBox(scene.faces[0]!.box), at);
      }),
    );
  }
  findings.push(
    await tryCases(audit, 4, 'colors under full transparency', audit.cases, (index) => tryHidden(audit, index)),
  );
  return findings;
}

/** Four frames, with the person in one of them. */
export async function film(scene: Scene, at: number, format: (typeof FILMS)[number]): Promise<Buffer> {
  const { width, height } = scene;
  const person = await render(scene);
  const nobody = await sharp({ create: { width, height, channels: 3, background: '#8090a0' } })
    .png()
    .toBuffer();
  const frames = await Promise.all(
    Array.from({ length: 4 }, (_, frame) => withDot(frame === at ? person : nobody, frame)),
  );
  const joined = sharp(frames, { join: { animated: true } });
  return joined.toFormat(format, format === 'webp' ? { lossless: true } : {}).toBuffer();
}

/** So that no frame looks like the one before, which encoders drop. */
function withDot(picture: Buffer, frame: number): Promise<Buffer> {
  const dot = { create: { width: 6, height: 6, channels: 3, background: '#00ff00' } } as const;
  return sharp(picture)
    .composite([{ input: dot, left: 8 + 12 * frame, top: 2 }])
    .png()
    .toBuffer();
}

/** A picture all of whose pixels are transparent: nothing but black may lie under them. */
async function tryHidden(audit: Audit, index: number): Promise<Verdict> {
  const random = seededRandom(index);
  const raw = { width: 40, height: 40, channels: 4 } as const;
  const pixels = Uint8Array.from({ length: 40 * 40 * 4 }, (_, at) => (at % 4 === 3 ? 0 : random.int(0, 255)));
  const source = await sharp(pixels, { raw }).png().toBuffer();
  const format = random.pick(['png', 'webp', 'tiff']);
  const answer = await maskedBytes(audit, source, { method: 'solid', detect: false, format, quality: 100 });
  const { data } = await sharp(answer).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const visible = data.findIndex((value, at) => at % 4 !== 3 && value !== 0);
  return visible < 0 ? null : { reason: `a color at ${visible}`, files: { source, answer } };
}

const SIDES: readonly Side[] = ['left', 'top', 'right', 'bottom'];

export async function checkCoverage(audit: Audit): Promise<Finding[]> {
  const findings = [
    await tryCases(audit, 5, 'faces from 24 to 1000 pixels', audit.cases, async (index) => {
      const random = seededRandom(index);
      const faceHeight = Math.round(24 * (1000 / 24) ** random.next());
      const size = Math.round(faceHeight * random.between(1.6, 3));
      const scene = portrait({ seed: random.int(1, 60), width: size, height: size, faceHeight });
      return tryScene(audit, scene);
    }),
    await tryCases(audit, 5, 'faces cut by a border, to the last row and column', audit.cases, async (index) => {
      const random = seededRandom(index);
      const side = SIDES[index % 4]!;
      // Half a face is not always found: there the caller says where it is.
      const named = random.chance(0.5);
      const scene = cutFace(side, named ? 0.5 : 0.72, random);
      return tryBorder(audit, scene, side, named);
    }),
    await tryCases(audit, 5, 'eight orientations by three samplings', Math.max(24, audit.cases), (index) =>
      tryOrientation(
        audit,
        ((index % 8) + 1) as Orientation,
        (['4:4:4', '4:2:2', '4:2:0'] as const)[index % 3]!,
        index,
      ),
    ),
    await tryCases(audit, 5, 'a mosaic has at most 6 cells', audit.cases, (index) => tryMosaic(audit, index)),
  ];
  return findings;
}

async function tryScene(audit: Audit, scene: Scene): Promise<Verdict> {
  const source = await render(scene);
  return judge(source, await maskedBytes(audit, source, QUERY), asBox(scene.faces[0]!.box));
}

/** One face of which a border of the picture leaves the given share. */
function cutFace(side: Side, share: number, random: Random): Scene {
  const [width, height] = [480, 400];
  const faceHeight = random.int(120, 240);
  const [across, down] = [(share - 0.5) * faceHeight * 0.78, (share - 0.5) * faceHeight];
  const center = {
    left: [across, height / 2],
    top: [width / 2, down],
    right: [width - across, height / 2],
    bottom: [width / 2, height - down],
  }[side] as Point;
  const people = [{ center, height: faceHeight, look: PLAIN_LOOK }];
  return drawScene({ width, height, seed: random.int(1, 60), background: 'gradient', people });
}

/** Where the face meets the border, the border's own pixels are masked. */
async function tryBorder(audit: Audit, scene: Scene, side: Side, named: boolean): Promise<Verdict> {
  const source = await render(scene);
  const box = asBox(scene.faces[0]!.box);
  const query = named ? { ...QUERY, detect: false, regions: [box] } : QUERY;
  const answer = await maskedBytes(audit, source, query);
  const edge = {
    left: { ...box, left: 0, right: 1 },
    top: { ...box, top: 0, bottom: 1 },
    right: { ...box, left: scene.width - 1, right: scene.width },
    bottom: { ...box, top: scene.height - 1, bottom: scene.height },
  }[side];
  return (await judge(source, answer, box)) ?? judge(source, answer, edge);
}

async function tryOrientation(
  audit: Audit,
  orientation: Orientation,
  sampling: Sampling,
  seed: number,
): Promise<Verdict> {
  const scene = portrait({ width: 203, height: 251, seed: (seed % 40) + 1 });
  const turned = await withOrientation(scene, orientation);
  // The same stored pixels at the sampling asked for, under the same EXIF.
  const { data, info } = await sharp(turned).raw().toBuffer({ resolveWithObject: true });
  const coded = encodeJpeg({ width: info.width, height: info.height, data }, sampling, 85);
  const source = Buffer.concat([coded.subarray(0, 2), exifOf(turned), coded.subarray(2)]);
  if (((await sharp(source).metadata()).orientation ?? 1) !== orientation) throw new Error('the orientation is lost');
  const answer = await maskedBytes(audit, source, { ...QUERY, format: 'png' });
  return judge(source, answer, asBox(scene.faces[0]!.box));
}

/** The segment of a JPEG that holds its EXIF. */
function exifOf(jpeg: Buffer): Buffer {
  const name = jpeg.indexOf('Exif\0\0', 0, 'latin1');
  return jpeg.subarray(name - 4, name - 2 + jpeg.readUInt16BE(name - 2));
}

/** Stripes of one color across a region of noise; a mosaic of more cells than promised has more of them. */
async function tryMosaic(audit: Audit, index: number): Promise<Verdict> {
  const random = seededRandom(index);
  const size = Math.round(30 * (600 / 30) ** random.next());
  const side = size + 2 * Math.ceil(size / 4);
  const raw = { width: side, height: side, channels: 3 } as const;
  const noise = Uint8Array.from({ length: side * side * 3 }, () => random.int(0, 255));
  const source = await sharp(noise, { raw }).png({ compressionLevel: 1 }).toBuffer();
  const from = Math.ceil(size / 4);
  const regions = [{ left: from, top: from, right: from + size, bottom: from + size }];
  const query = { method: 'pixelate', detect: false, regions, strength: random.pick([0, 0.25]), format: 'png' };
  const answer = await maskedBytes(audit, source, query);
  const { data, width } = await decode(answer);
  const row = from + random.int(0, size - 1);
  const colors = Array.from({ length: size }, (_, x) => data.readUIntBE((row * width + from + x) * 3, 3));
  const cells = colors.filter((color, x) => x === 0 || color !== colors[x - 1]).length;
  return cells <= 6 ? null : { reason: `${cells} cells across ${size} pixels`, files: { source, answer } };
}
