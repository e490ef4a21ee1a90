import sharp from 'sharp';
import { PLAIN_LOOK, portrait, render, type Scene } from '../fixtures/portraits.ts';
import { seededRandom } from '../fixtures/random.ts';
import { asBox, decode, type Pixels } from '../support/picture.ts';
import { type Audit, type Finding, maskedBytes, tryCases, type Verdict } from './check.ts';
import { maskedShare, QUERY } from './placement.ts';

/** Faces of images with transparency are masked, whatever makes a viewer show them (promise 4). */

interface Rgba {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** From the upright picture in RGB, and the box of its face, to one with transparency. */
const MAKERS: Record<string, (pixels: Pixels, scene: Scene) => Uint8Array> = {
  'black ink, the picture in the alpha channel': (pixels) => ink(pixels, 0),
  'white ink, the picture in the alpha channel': (pixels) => ink(pixels, 255),
  'a face that is erased to alpha 1': (pixels, { faces }) => {
    const { left, top, right, bottom } = asBox(faces[0]!.box);
    const [x0, y0, x1, y1] = [left - 30, top - 40, right + 30, bottom + 20];
    return withAlpha(pixels, (x, y) => (x >= x0 && x < x1 && y >= y0 && y < y1 ? 1 : 255));
  },
  'all of it nearly transparent': (pixels) => withAlpha(pixels, () => 2),
  'half transparent': (pixels) => withAlpha(pixels, () => 128),
  'opaque, with an alpha channel': (pixels) => withAlpha(pixels, () => 255),
};

const OUTPUTS = ['png', 'webp', 'tiff', 'jpeg'] as const;

export async function checkTransparency(audit: Audit): Promise<Finding[]> {
  const share = Math.ceil(audit.cases / 4);
  const findings = [];
  for (const name of Object.keys(MAKERS)) {
    findings.push(await tryCases(audit, 4, name, share, (index) => tryImage(audit, name, index)));
  }
  return findings;
}

async function tryImage(audit: Audit, name: string, index: number): Promise<Verdict> {
  const random = seededRandom(index);
  const scene = portrait({
    seed: random.int(1, 60),
    width: 320,
    height: 400,
    faceHeight: random.int(110, 190),
    look: PLAIN_LOOK,
  });
  const { width, height, data } = await decode(await render(scene));
  const rgba: Rgba = { width, height, data: MAKERS[name]!({ width, height, data }, scene) };
  const image = sharp(rgba.data, { raw: { width, height, channels: 4 } });
  const source = await (
    index % 2 === 0 ? image.png({ compressionLevel: 1 }) : image.webp({ lossless: true, exact: true })
  ).toBuffer();
  const format = OUTPUTS[index % OUTPUTS.length]!;
  const answer = await maskedBytes(audit, source, { ...QUERY, format, quality: 100, verify: random.chance(0.5) });
  for (const [view, picture] of Object.entries(await shown(answer))) {
    const masked = maskedShare(picture, asBox(scene.faces[0]!.box));
    if (masked < 0.9) {
      return { reason: `${Math.round(100 * masked)} % of the face is masked ${view}`, files: { source, answer } };
    }
  }
  return null;
}

/** The ways in which viewers may show an answer. */
async function shown(answer: Buffer): Promise<Record<string, Pixels>> {
  const before = async (background: string) => decode(await sharp(answer).flatten({ background }).png().toBuffer());
  return {
    'without its alpha channel': await decode(answer),
    'on white': await before('#ffffff'),
    'on black': await before('#000000'),
  };
}

/** One color everywhere; how dark or bright the picture is, is in the alpha channel. */
function ink(pixels: Pixels, color: 0 | 255): Uint8Array {
  const rgba = new Uint8Array(pixels.width * pixels.height * 4);
  for (let pixel = 0; pixel < pixels.width * pixels.height; pixel++) {
    const [r, g, b] = pixels.data.subarray(3 * pixel);
    const gray = Math.round(0.299 * r! + 0.587 * g! + 0.114 * b!);
    rgba.set([color, color, color, color === 0 ? 255 - gray : gray], 4 * pixel);
  }
  return rgba;
}

function withAlpha({ width, height, data }: Pixels, alphaAt: (x: number, y: number) => number): Uint8Array {
  const rgba = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      rgba.set(data.subarray(3 * pixel, 3 * pixel + 3), 4 * pixel);
      rgba[4 * pixel + 3] = alphaAt(x, y);
    }
  }
  return rgba;
}
