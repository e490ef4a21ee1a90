import { encodeImage } from '../../src/inference/worker/encode.ts';
import { Detector } from '../../src/inference/worker/detector.ts';
import { type Effort, EFFORTS, OUTPUT_FORMATS, type OutputFormat } from '../../src/inference/worker/messages.ts';
import { decodeAtSize, decodePixels, openImage, resizePixels } from '../../src/inference/worker/source-image.ts';
import { selectFaces } from '../../src/vision/faces.ts';
import type { Box, Size } from '../../src/vision/geometry.ts';
import { type MaskShape, onGrid, planMask } from '../../src/vision/mask.ts';
import { IRREVERSIBLE_METHODS, type MaskMethod, paintMask, REVERSIBLE_METHODS } from '../../src/vision/paint.ts';
import type { Raster } from '../../src/vision/raster.ts';
import { decodeCandidates } from '../../src/vision/scrfd.ts';
import { toTensor } from '../../src/vision/tensor.ts';
import { type Figure } from './figures.ts';
import { drawnInput, type Input } from './inputs.ts';

/** The calls that a request is made of, one at a time on one thread. */

interface Part {
  readonly name: string;
  readonly run: () => unknown;
}

const ROUND_MS = 30;
const CANVASES: readonly Size[] = [
  { width: 256, height: 192 },
  { width: 640, height: 384 },
  { width: 640, height: 480 },
  { width: 960, height: 736 },
];

export async function measureParts(files: readonly Input[], modelPath: string, rounds: number): Promise<Figure[]> {
  const parts = [...(await pictureParts(files)), ...(await detectorParts(modelPath)), ...(await maskParts())];
  const repeats = new Map<Part, number>();
  for (const part of parts) {
    await part.run();
    const once = await timeOf(part, 1);
    repeats.set(part, Math.max(1, Math.round(ROUND_MS / once)));
  }
  const samples = new Map<Part, number[]>(parts.map((part) => [part, []]));
  for (let round = 0; round < rounds; round++) {
    for (const part of parts) samples.get(part)!.push(await timeOf(part, repeats.get(part)!));
  }
  return parts.map((part) => ({ name: part.name, unit: 'ms', samples: samples.get(part)! }));
}

async function timeOf({ run }: Part, repeats: number): Promise<number> {
  const start = performance.now();
  for (let repeat = 0; repeat < repeats; repeat++) await run();
  return (performance.now() - start) / repeats;
}

async function pictureParts(files: readonly Input[]): Promise<Part[]> {
  const drawn = await Promise.all([
    ...(['640×480', '1080p', '12 MP'] as const).map((size) => drawnInput(size, 'jpeg')),
    ...(['png', 'webp', 'avif', 'tiff', 'gif'] as const).map((format) => drawnInput('1080p', format)),
  ]);
  const parts: Part[] = [];
  for (const { name, bytes } of [...drawn, ...files]) {
    const source = await openImage(bytes, Infinity);
    const pixels = await decodePixels(source);
    const canvas = fit(source.size);
    parts.push(
      { name: `open ${name}`, run: () => openImage(bytes, Infinity) },
      { name: `decode ${name}`, run: () => decodePixels(source) },
      { name: `decode ${name} for the network`, run: () => decodeAtSize(source, canvas) },
      { name: `shrink ${name}’s pixels for the network`, run: () => resizePixels(pixels, canvas) },
    );
    if (name.endsWith('JPEG')) {
      parts.push(encodePart(name, pixels, 'jpeg', 'fast'), encodePart(name, pixels, 'jpeg', 'small'));
    }
  }
  const pixels = await decodePixels(await openImage(drawn[1]!.bytes, Infinity));
  for (const format of OUTPUT_FORMATS) {
    if (format === 'jpeg') continue;
    for (const effort of EFFORTS) parts.push(encodePart('1080p', pixels, format, effort));
  }
  return parts;
}

function encodePart(name: string, pixels: Raster, format: OutputFormat, effort: Effort): Part {
  const encoding = { format, quality: 90, effort, halvedChroma: true };
  return { name: `encode ${name} as ${format}, ${effort}`, run: () => encodeImage(pixels, null, encoding) };
}

/** Long side 640, as detection sees it by default. */
function fit({ width, height }: Size): Size {
  const scale = 640 / Math.max(width, height);
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

async function detectorParts(modelPath: string): Promise<Part[]> {
  const detector = await Detector.load(modelPath, 1);
  const source = await openImage((await drawnInput('1080p', 'jpeg')).bytes, Infinity);
  const parts: Part[] = [];
  for (const canvas of CANVASES) {
    const name = `${canvas.width}×${canvas.height}`;
    const { data } = await decodeAtSize(source, canvas);
    const tensor = toTensor(data, canvas, canvas);
    const outputs = await detector.infer(tensor, canvas);
    const candidates = decodeCandidates(outputs, canvas, 0.02);
    const selection = { nmsThreshold: 0.4, minFaceSize: 0, maxFaces: Infinity, order: 'score' as const };
    parts.push(
      { name: `tensor ${name}`, run: () => toTensor(data, canvas, canvas) },
      { name: `inference ${name}`, run: () => detector.infer(tensor, canvas) },
      { name: `candidates ${name}`, run: () => decodeCandidates(outputs, canvas, 0.5) },
      {
        name: `suppression of ${candidates.length} candidates, ${name}`,
        run: () => selectFaces(candidates, canvas, selection),
      },
    );
  }
  return parts;
}

async function maskParts(): Promise<Part[]> {
  const parts: Part[] = [];
  for (const size of ['640×480', '1080p', '12 MP'] as const) {
    const { bytes } = await drawnInput(size, 'jpeg');
    const source = await openImage(bytes, Infinity);
    const pixels = await decodePixels(source);
    for (const count of [1, 4, 40]) {
      const shapes = onGrid(planMask(facesIn(pixels, count), [], { shape: 'ellipse', padding: 0.25 }), source.grid);
      const methods =
        size === '1080p' ? [...IRREVERSIBLE_METHODS, ...REVERSIBLE_METHODS] : (['blur', 'solid'] as const);
      for (const method of methods)
        parts.push(
          maskPart(`${method} of ${count} ${count === 1 ? 'face' : 'faces'}, ${size}`, pixels, shapes, method),
        );
    }
  }
  return parts;
}

function maskPart(name: string, pixels: Raster, shapes: readonly MaskShape[], method: MaskMethod): Part {
  const style = { method, color: [0, 0, 0], strength: 0.5, mark: false } as const;
  // Painted over again and again: that costs the same.
  return {
    name,
    run: () => {
      paintMask(pixels, shapes, style);
    },
  };
}

/** So many in rows, as large as leaves a third of the photo to them. */
function facesIn({ width, height }: Size, count: number): Box[] {
  const columns = Math.ceil(Math.sqrt((count * width) / height));
  const rows = Math.ceil(count / columns);
  const [cellWidth, cellHeight] = [width / columns, height / rows];
  const side = 0.55 * Math.min(cellWidth, cellHeight);
  return Array.from({ length: count }, (_, face) => {
    const left = ((face % columns) + 0.5) * cellWidth - side / 2;
    const top = (Math.floor(face / columns) + 0.5) * cellHeight - side / 2;
    return { left, top, right: left + side, bottom: top + side };
  });
}
