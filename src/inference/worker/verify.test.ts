import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_DETECT, DEFAULT_MASK } from '../../../test/fixtures/default-settings.ts';
import { drawScene, PLAIN_LOOK, portrait, render } from '../../../test/fixtures/portraits.ts';
import { asBox, type Box, decode } from '../../../test/support/picture.ts';
import type { NetworkOutput } from '../../vision/scrfd.ts';
import { Detector } from './detector.ts';
import type { DetectSettings, MaskSettings, MaskTask } from './messages.ts';
import { maskFaces } from './pipeline.ts';

const detect: DetectSettings = { ...DEFAULT_DETECT, largeFaces: false, recall: 'fast' };
const mask: MaskSettings = {
  ...DEFAULT_MASK,
  style: { method: 'solid', color: [255, 0, 255], strength: 0.5, mark: false },
  format: 'png',
  quality: 100,
  verify: true,
};

let detector: Detector;
beforeAll(async () => {
  const path = fileURLToPath(new URL('../../../models/embedded.onnx', import.meta.url));
  detector = await Detector.load(path, 1);
});

/** The real network, its outputs changed on their way. */
function changed(change: (outputs: NetworkOutput[], call: number) => NetworkOutput[]): Detector {
  let calls = 0;
  return {
    inputFor: detector.inputFor.bind(detector),
    kind: detector.kind,
    fixedCanvas: detector.fixedCanvas,
    pace: detector.pace,
    infer: async (...given: Parameters<Detector['infer']>) => change(await detector.infer(...given), calls++),
  } as unknown as Detector;
}

const isScore = ({ dims }: NetworkOutput) => dims.at(-1) === 1;
const nothing = (outputs: NetworkOutput[]) =>
  outputs.map((output) => (isScore(output) ? { ...output, data: output.data.map(() => 0) } : output));
/** Finds nobody: all is left to verification. */
const blind = () => changed(nothing);

async function run(image: Buffer, changes: Partial<MaskSettings> = {}, verifier = detector, first = blind()) {
  const task: MaskTask = {
    image,
    detect,
    mask: { ...mask, ...changes },
    cancel: new Int32Array(new SharedArrayBuffer(4)),
  };
  const answer = await maskFaces(task, { detector: first, second: verifier, maxPixels: 1e7, maxFrames: 10 });
  return { ...answer, verification: answer.verification! };
}

const MAGENTA = [255, 0, 255];

async function maskedShare(image: Uint8Array, box: Box, page = 0): Promise<number> {
  const { data, width } = await decode(await sharp(image, { page }).png().toBuffer());
  let [masked, all] = [0, 0];
  for (let y = Math.floor(box.top); y < Math.ceil(box.bottom); y++) {
    for (let x = Math.floor(box.left); x < Math.ceil(box.right); x++, all++) {
      if (MAGENTA.every((value, c) => data[(y * width + x) * 3 + c] === value)) masked++;
    }
  }
  return masked / all;
}

describe('masks that verification adds', () => {
  it.each(['blur', 'pixelate', 'gaussian', 'mosaic'] as const)(
    'in a later round leave of the %s what painting all at once leaves',
    async (method) => {
      const people = [130, 390].map((x) => ({ center: [x, 150] as [number, number], height: 120, look: PLAIN_LOOK }));
      const image = await render(drawScene({ width: 520, height: 300, seed: 3, background: 'gradient', people }));
      // In its first round, the verifier sees the left half alone.
      const later = changed((outputs, call) => {
        if (call > 0) return outputs;
        return outputs.map((output) => (isScore(output) ? leftHalf(output) : output));
      });
      const style = { ...mask.style, method };
      // Wide masks, so that the first one is filled from where the second lies.
      const plan = { shape: 'box', padding: 0.6 } as const;
      const { output, maskedBoxes, verification } = await run(image, { style, plan }, later);
      expect(verification).toMatchObject({ outcome: 'clean', rounds: 3, added: [{}, {}] });

      const regions = maskedBoxes.map(({ left, top, right, bottom }) => {
        const [x, y] = [0.6 * (right - left), 0.6 * (bottom - top)];
        return { left: left - x, top: top - y, right: right + x, bottom: bottom + y };
      });
      const atOnce = await run(image, { style, verify: false, regions });
      expect(Buffer.from(output.bytes).equals(Buffer.from(atOnce.output.bytes))).toBe(true);
    },
  );

  /** The scores of the left half of a canvas of 960 × 576, where the row of anchors is one point a cell. */
  function leftHalf(output: NetworkOutput): NetworkOutput {
    const cells = output.data.length;
    const stride = [8, 16, 32].find((size) => (960 / size) * Math.ceil(576 / size) === cells)!;
    const columns = 960 / stride;
    return { ...output, data: output.data.map((score, cell) => (cell % columns < columns / 2 ? score : 0)) };
  }

  it('cover a face of which a region of the caller leaves less than half', async () => {
    const scene = portrait({ seed: 4, width: 300, height: 360, faceHeight: 150 });
    const face = asBox(scene.faces[0]!.box);
    const region = { ...face, top: face.top + 0.45 * (face.bottom - face.top) };
    const image = await render(scene);
    for (const first of [blind(), detector]) {
      const { output, verification } = await run(image, { regions: [region] }, detector, first);
      expect(verification.outcome).toBe('clean');
      expect(await maskedShare(output.bytes, face)).toBeGreaterThan(0.97);
    }
  });

  it('cover a face that the first search finds too faint, though a region hides it from the second', async () => {
    const scene = portrait({ seed: 4, width: 300, height: 360, faceHeight: 150 });
    const face = asBox(scene.faces[0]!.box);
    const region = { ...face, top: face.top + 0.4 * (face.bottom - face.top) };
    const task = { regions: [region] };
    const certain = { ...detect, threshold: 1 };
    const answer = await maskFaces(
      {
        image: await render(scene),
        detect: certain,
        mask: { ...mask, ...task, reviewThreshold: 1 },
        cancel: new Int32Array(new SharedArrayBuffer(4)),
      },
      { detector, second: blind(), maxPixels: 1e7, maxFrames: 10 },
    );
    expect(answer).toMatchObject({ faces: [], maskedCount: 2, verification: { outcome: 'clean', rounds: 1 } });
    expect(await maskedShare(answer.output.bytes, face)).toBeGreaterThan(0.97);
  });

  it.each([
    ['gif', [1, 1, 1, 0]],
    ['webp', [1, 1, 1, 0]],
    ['tiff', [0, 1, 0, 0]],
  ] as const)('cover the frames beside theirs in an animation, and no other page: %s', async (format, expected) => {
    const scene = portrait({ seed: 2, width: 200, height: 260, faceHeight: 110 });
    const person = await render(scene);
    const nobody = await sharp({ create: { width: 200, height: 260, channels: 3, background: '#8090a0' } })
      .png()
      .toBuffer();
    const dot = { create: { width: 6, height: 6, channels: 3, background: '#00ff00' } } as const;
    const pictures = await Promise.all(
      [nobody, person, nobody, nobody].map((picture, frame) =>
        sharp(picture)
          .composite([{ input: dot, left: 8 + 12 * frame, top: 2 }])
          .png()
          .toBuffer(),
      ),
    );
    const film = sharp(pictures, { join: { animated: true } });
    const image = await film.toFormat(format, format === 'webp' ? { lossless: true } : {}).toBuffer();
    const { output, verification } = await run(image, { format });
    expect(verification).toMatchObject({ outcome: 'clean', rounds: 2, added: [{ frame: 1 }] });
    const shares = await Promise.all([0, 1, 2, 3].map((page) => maskedShare(output.bytes, asInner(scene), page)));
    expect(shares.map(Math.round)).toEqual(expected);
  });

  const asInner = ({ faces }: ReturnType<typeof portrait>): Box => {
    const { left, top, right, bottom } = asBox(faces[0]!.box);
    return { left: left + 10, top: top + 15, right: right - 10, bottom: bottom - 15 };
  };
});

describe('verification ends', () => {
  const empty = sharp({ create: { width: 640, height: 640, channels: 3, background: '#8090a0' } });

  /** A network that sees a new face in every round, side by side. */
  function restless(): Detector {
    return changed((outputs, call) => {
      const [first] = outputs.filter(isScore);
      return outputs.map((output) => {
        if (output === first) return { ...output, data: output.data.map((_, cell) => (cell === at(call) ? 0.9 : 0)) };
        if (isScore(output)) return { ...output, data: output.data.map(() => 0) };
        return { ...output, data: output.data.map(() => 1) };
      });
    });
  }
  /** Of the canvas of 960 × 960, at stride 8. */
  const at = (call: number) => 60 * 120 + 20 + 20 * call;

  it('after three rounds, says that it is incomplete, and masks what the last one found', async () => {
    const { verification, maskedCount, output } = await run(await empty.png().toBuffer(), {}, restless());
    expect(verification).toMatchObject({ outcome: 'incomplete', rounds: 3, added: [{}, {}, {}] });
    expect(maskedCount).toBe(3);
    for (const box of verification.added) expect(await maskedShare(output.bytes, box)).toBe(1);
  });

  it('at a hundred boxes, says that it is incomplete, and masks the hundred best', async () => {
    const many = changed((outputs) => {
      const [first] = outputs.filter(isScore);
      return outputs.map((output) => {
        // Every fourth cell of every fourth row: boxes of two strides a side, apart from one another.
        if (output === first) {
          const isFace = (cell: number) => cell % 4 === 0 && Math.floor(cell / 120) % 4 === 1;
          return { ...output, data: output.data.map((_, cell) => (isFace(cell) ? 0.9 - cell / 1e6 : 0)) };
        }
        if (isScore(output)) return { ...output, data: output.data.map(() => 0) };
        return { ...output, data: output.data.map(() => 1) };
      });
    });
    const { verification, maskedCount } = await run(await empty.png().toBuffer(), {}, many);
    expect(verification.outcome).toBe('incomplete');
    expect(verification.added).toHaveLength(100);
    expect(maskedCount).toBe(100);
  });

  it('at once where a mask is seen as a face that the original does not hold', async () => {
    const region = { left: 200, top: 200, right: 440, bottom: 440 };
    const fooled = changed((outputs, call) => {
      const scores = outputs.filter(isScore);
      return outputs.map((output) => {
        // At stride 32, a box of ten strides a side in the middle, which the region covers for the most part.
        if (output === scores[2] && call === 0) {
          return { ...output, data: output.data.map((_, cell) => (cell === 15 * 30 + 15 ? 0.9 : 0)) };
        }
        if (isScore(output)) return { ...output, data: output.data.map(() => 0) };
        return { ...output, data: output.data.map(() => (output.dims.at(-1) === 4 ? 6.5 : 0)) };
      });
    });
    const { verification } = await run(await empty.png().toBuffer(), { regions: [region] }, fooled);
    expect(verification).toEqual({ outcome: 'clean', rounds: 1, added: [] });
  });
});

describe('faces that the caller keeps', () => {
  it('are not bare', async () => {
    const scene = portrait({ seed: 4, width: 300, height: 360, faceHeight: 150 });
    const kept = { ...asBox(scene.faces[0]!.box), keep: true };
    const { verification } = await run(await render(scene), { regions: [kept] });
    expect(verification).toEqual({ outcome: 'clean', rounds: 1, added: [] });
  });
});
