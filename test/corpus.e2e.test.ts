import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CorpusFile, drawCorpus } from './fixtures/corpus.ts';
import { hasBrowser } from './support/browser.ts';
import { type Problem } from '../src/errors/problem.ts';
import { send, type Service, startService } from './support/service.ts';
import { type Shown, Viewer } from './support/shown.ts';

/** Files of all kinds come back as Chromium shows them, outside of the masks. */

/** A hundred files each. */
const DRAWINGS = [1, 2, 3];
const REGION = { left: 40, top: 30, right: 90, bottom: 80 };
/** Masks grow with the blocks in which the input is coded. */
const GROWTH = 50;
/** Maximum mean difference, in levels of 255. */
const LIMIT = 2;

/** Files that differ more: by how much at most, and why. */
const EXCEPTIONS: Readonly<Record<string, { readonly levels: number; readonly reason: string }>> = {
  'jpeg: CMYK with a profile': {
    levels: 12,
    reason: 'Chromium mixes the black ink into the other three first, and applies the profile to these',
  },
};

const levelsOff = (before: Shown, after: Shown) =>
  Math.max(...before.frames.map((_, frame) => meanDifference(before, after, frame)));

/** Of what is shown on white, outside of the mask. */
function meanDifference({ width, height, frames }: Shown, after: Shown, frame: number): number {
  const [a, b] = [frames[frame]!.pixels, after.frames[frame]!.pixels];
  const onWhite = (pixels: Buffer, at: number, alphaAt: number) => 255 + ((pixels[at]! - 255) * pixels[alphaAt]!) / 255;
  let [sum, count] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (isNearMask(x, y)) continue;
      const start = 4 * (y * width + x);
      for (let at = start; at < start + 3; at++) sum += Math.abs(onWhite(a, at, start + 3) - onWhite(b, at, start + 3));
      count += 3;
    }
  }
  return sum / count;
}

function isNearMask(x: number, y: number): boolean {
  const isWithin = (value: number, from: number, to: number) => value >= from - GROWTH && value < to + GROWTH;
  return isWithin(x, REGION.left, REGION.right) && isWithin(y, REGION.top, REGION.bottom);
}

/** Size, frames, their durations, and repetitions. */
function layout({ width, height, frames, repetitions }: Shown): string {
  const durations = frames.map(({ duration }) => duration).join(', ');
  return `${width} × ${height}, ${durations} ms, repeated ${repetitions ?? 'forever'}`;
}

describe.skipIf(!hasBrowser)('files of all kinds', () => {
  let service: Service;
  let viewer: Viewer;
  beforeAll(async () => {
    [service, viewer] = await Promise.all([startService(), Viewer.open()]);
  });
  afterAll(async () => {
    await Promise.all([service.close(), viewer.close()]);
  });

  const mask = ({ bytes, type }: CorpusFile) =>
    send(service.url, 'mask', bytes, {
      type,
      // Chromium shows no TIFF.
      options: {
        detect: false,
        regions: [REGION],
        method: 'solid',
        quality: 100,
        ...(type === 'image/tiff' && { format: 'png' }),
      },
    });

  /** Null: nothing. */
  async function mistakeWith(file: CorpusFile): Promise<string | null> {
    const response = await mask(file);
    if (!response.ok) {
      const { status, detail } = (await response.json()) as Problem;
      const isExpected = status === 415 && file.rejected !== undefined && detail.includes(file.rejected);
      return isExpected ? null : `${status} ${detail}`;
    }
    if (file.rejected !== undefined) return 'was not rejected';
    const original = file.likeness ?? file;
    const before = await viewer.show(original.bytes, original.type);
    const after = await viewer.show(Buffer.from(await response.arrayBuffer()), response.headers.get('content-type')!);
    if (layout(before) !== layout(after)) return `${layout(before)} became ${layout(after)}`;
    const levels = levelsOff(before, after);
    const exception = EXCEPTIONS[file.name];
    if (exception && levels <= LIMIT) return `${levels.toFixed(2)} levels off: no exception any more`;
    return levels <= (exception?.levels ?? LIMIT) ? null : `${levels.toFixed(2)} levels off`;
  }

  it.each(DRAWINGS)(
    'come back as Chromium shows them, with their frames and timing: drawing %i',
    async (seed) => {
      const mistakes: string[] = [];
      for (const file of await drawCorpus(seed)) {
        const mistake = await mistakeWith(file);
        if (mistake !== null) mistakes.push(`${file.name}: ${mistake}`);
      }
      expect(mistakes).toEqual([]);
    },
    180_000,
  );
});
