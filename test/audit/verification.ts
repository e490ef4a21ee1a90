import sharp from 'sharp';
import { drawScene, PLAIN_LOOK, portrait, render, type Scene } from '../fixtures/portraits.ts';
import { seededRandom } from '../fixtures/random.ts';
import { asBox, type Box, decode, difference, type Pixels } from '../support/picture.ts';
import { type Audit, type Finding, maskedAnswer, maskedBytes, tryCases, type Verdict } from './check.ts';
import { film, maskedShare, QUERY } from './placement.ts';

/** What verification masks is masked as well as what the first search finds: whole, on every frame, without a trace. */

export async function checkVerification(audit: Audit): Promise<Finding[]> {
  return [
    await tryCases(audit, 1, 'masks that verification adds leave no trace in the others', audit.cases, (index) =>
      tryPaintedOnce(audit, index),
    ),
    ...(await Promise.all(
      (['gif', 'webp'] as const).map((format) =>
        tryCases(audit, 4, `verification, a face in one frame of ${format}`, Math.ceil(audit.cases / 4), (index) =>
          tryNeighbors(audit, format, index),
        ),
      ),
    )),
    await tryCases(audit, 6, 'what the first search misses is masked', audit.cases, (index) => tryMissed(audit, index)),
    await tryCases(audit, 6, 'what a mask leaves of a face is masked', audit.cases, (index) => tryHalf(audit, index)),
  ];
}

/**
 * A large face beside a small one that is found at the second size alone: the answer is to be that in which the same
 * boxes are masked at once. The boxes are told to hundredths of a pixel, and may differ by a row of pixels for it.
 */
async function tryPaintedOnce(audit: Audit, index: number): Promise<Verdict> {
  const random = seededRandom(index);
  const [large, small] = [random.int(160, 220), random.int(24, 56)];
  const people = [
    { center: [220, 220] as [number, number], height: large, look: PLAIN_LOOK },
    { center: [220 + 0.39 * large + 0.45 * small, 230] as [number, number], height: small, look: PLAIN_LOOK },
  ];
  const source = await render(
    drawScene({ width: 480, height: 480, seed: random.int(1, 60), background: 'gradient', people }),
  );
  const common = { method: random.pick(['blur', 'pixelate']), shape: 'box', padding: 0, margin: 0, format: 'png' };
  const verified = await maskedAnswer(audit, source, { ...common, verify: true, input_size: 128 });
  const added = verified.verification?.added_boxes ?? [];
  if (verified.verification?.outcome === undefined) return { reason: 'nothing was verified', files: { source } };
  const regions = [...verified.faces.map(({ box }) => box), ...added];
  if (regions.length === 0) return { reason: 'no face was found', files: { source } };
  const answer = Buffer.from(verified.output.image, 'base64');
  const atOnce = await maskedBytes(audit, source, { ...common, detect: false, regions });
  const [one, other] = [await decode(answer), await decode(atOnce)];
  const within = (x: number, y: number) =>
    regions.some(({ left, top, right, bottom }) => x > left && x + 1 < right && y > top && y + 1 < bottom);
  const apart = difference(one, other, within);
  // Boxes are answered in hundredths of a pixel, which may move an edge; what shines through a mask is tens of levels.
  if (apart < 2) return null;
  return { reason: `${apart.toFixed(1)} levels apart in the masks`, files: { source, answer, 'at-once': atOnce } };
}

/** With a threshold that no face reaches, only verification masks. */
const ONLY_VERIFIED = { ...QUERY, threshold: 1, verify: true };

async function tryNeighbors(audit: Audit, format: 'gif' | 'webp', index: number): Promise<Verdict> {
  const random = seededRandom(index);
  const size = { width: 200, height: 260 };
  const scene = portrait({ ...size, seed: random.int(1, 50), faceHeight: random.int(70, 130) });
  const at = random.int(0, 3);
  const source = await film(scene, at, format);
  const answer = await maskedBytes(audit, source, ONLY_VERIFIED);
  for (const page of [at - 1, at, at + 1].filter((frame) => frame >= 0 && frame < 4)) {
    const share = maskedShare(await decode(await sharp(answer, { page }).png().toBuffer()), asBox(scene.faces[0]!.box));
    if (share < 0.9)
      return { reason: `${percent(share)} of the face masked in frame ${page}`, files: { source, answer } };
  }
  return null;
}

async function tryMissed(audit: Audit, index: number): Promise<Verdict> {
  const scene = portrait({ seed: (index % 60) + 1, width: 300, height: 360 });
  return judgeFace(audit, scene, {});
}

/** The caller masks more than half of the face, from one of its sides. */
async function tryHalf(audit: Audit, index: number): Promise<Verdict> {
  const random = seededRandom(index);
  const scene = portrait({ seed: (index % 60) + 1, width: 300, height: 360, faceHeight: random.int(90, 180) });
  const face = asBox(scene.faces[0]!.box);
  const share = random.between(0.55, 0.75);
  const [x, y] = [share * (face.right - face.left), share * (face.bottom - face.top)];
  const covered = random.pick([
    { ...face, right: face.left + x },
    { ...face, left: face.right - x },
    { ...face, bottom: face.top + y },
    { ...face, top: face.bottom - y },
  ]);
  return judgeFace(audit, scene, { regions: [covered] });
}

async function judgeFace(audit: Audit, scene: Scene, options: { regions?: Box[] }): Promise<Verdict> {
  const source = await render(scene);
  const { output, verification } = await maskedAnswer(audit, source, { ...ONLY_VERIFIED, ...options, format: 'png' });
  const answer = Buffer.from(output.image, 'base64');
  const files = { source, answer };
  if (verification?.outcome !== 'clean') return { reason: `said to be ${verification?.outcome ?? 'nothing'}`, files };
  if (verification.added_boxes.length === 0) return { reason: 'nothing was added', files };
  const pixels = await decode(answer);
  const share = maskedShare(pixels, asBox(scene.faces[0]!.box));
  if (share < 0.9) return { reason: `${percent(share)} of the face is masked, said to be clean`, files };
  const bare = scene.faces[0]!.landmarks.filter(([px, py]) => !isMasked(pixels, px, py));
  return bare.length === 0 ? null : { reason: `${bare.length} landmarks to be seen, said to be clean`, files };
}

function isMasked(pixels: Pixels, x: number, y: number): boolean {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  return maskedShare(pixels, { left, top, right: left + 1, bottom: top + 1 }) === 1;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
