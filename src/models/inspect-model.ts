import { reasonOf } from '../errors/reason.ts';
import { InferenceSession, Tensor } from './onnx-runtime.ts';
import { ModelError } from './model-error.ts';

const strides = [8, 16, 32];
/** One score, the four distances of a box, the ten of five landmarks. */
const columnsPerHead = [1, 4, 10];
/** For a network that takes any size: not square, so that rows and columns can't be confused, and small. */
const probe = { height: 96, width: 160 };

/**
 * Checks that the bytes are an ONNX network which this service can read as a detector of the SCRFD kind: one image goes in
 * as float32 [1 or N, 3, height, width]; for each of the strides 8, 16 and 32, in this order, scores [rows, 1], boxes
 * [rows, 4] and, if it has them, landmarks [rows, 10] come out, with or without a leading 1, a row per anchor.
 *
 * Declared shapes are often wrong or symbolic, so the network is run once, on a blank image. Throws a ModelError that says
 * what was found instead.
 */
export async function inspectModel(bytes: Uint8Array): Promise<void> {
  const session = await load(bytes);
  try {
    const { name, height, width } = imageInput(session);
    const blank = new Tensor('float32', new Float32Array(3 * height * width), [1, 3, height, width]);
    const outputs = await session.run({ [name]: blank }).catch((error: unknown) => {
      throw unusable(`it fails on an image of ${width}×${height} pixels: ${reasonOf(error)}`);
    });
    checkOutputs(
      session.outputNames.map((output) => outputs[output]!.dims),
      height,
      width,
    );
    const isFinite = session.outputNames.every((output) =>
      (outputs[output]!.data as Float32Array).every((value) => Number.isFinite(value)),
    );
    if (!isFinite) throw unusable(`its outputs for a blank image are not finite numbers`);
  } finally {
    await session.release();
  }
}

async function load(bytes: Uint8Array): Promise<InferenceSession> {
  try {
    // Severity 4: ONNX Runtime writes nothing itself, since the message below says it all.
    return await InferenceSession.create(bytes, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  } catch (error) {
    throw unusable(`ONNX Runtime cannot load it: ${reasonOf(error)}`);
  }
}

function imageInput(session: InferenceSession): { name: string; height: number; width: number } {
  const [input, ...others] = session.inputMetadata;
  if (input === undefined || others.length > 0)
    throw unusable(`it has ${session.inputMetadata.length} inputs, not one`);
  if (!input.isTensor || input.type !== 'float32') throw unusable(`its input is not a tensor of float32`);
  const [batch, channels, height, width, ...more] = input.shape;
  const isImage =
    (batch === 1 || typeof batch === 'string') &&
    channels === 3 &&
    isSide(height) &&
    isSide(width) &&
    more.length === 0;
  if (!isImage) {
    throw unusable(`its input is ${shape(input.shape)}, not [1, 3, height, width] with sides in multiples of 32`);
  }
  return {
    name: input.name,
    height: typeof height === 'number' ? height : probe.height,
    width: typeof width === 'number' ? width : probe.width,
  };
}

function isSide(length: string | number | undefined): boolean {
  return typeof length === 'string' || (length !== undefined && length > 0 && length % 32 === 0);
}

function checkOutputs(shapes: readonly (readonly number[])[], height: number, width: number): void {
  const found = `its outputs for ${width}×${height} pixels are ${shapes.map(shape).join(' ')}`;
  const wanted = 'not three each of [rows, 1], [rows, 4] and perhaps [rows, 10]';
  const isKnown = (dims: readonly number[]): boolean =>
    columnsPerHead.includes(dims.at(-1) ?? 0) && (dims.length === 2 || (dims.length === 3 && dims[0] === 1));
  if (!shapes.every(isKnown)) throw unusable(`${found}, ${wanted}`);

  const rowsOf = (columns: number): number[] =>
    shapes.filter((dims) => dims.at(-1) === columns).map((dims) => dims.at(-2)!);
  const cells = strides.map((stride) => (height / stride) * (width / stride));
  const anchors = (rowsOf(1)[0] ?? 0) / cells[0]!;
  const expected = cells.map((count) => count * anchors);
  for (const columns of columnsPerHead) {
    const rows = rowsOf(columns);
    if (columns === 10 && rows.length === 0) continue;
    if (rows.length !== strides.length) throw unusable(`${found}, ${wanted}`);
    if (!Number.isInteger(anchors) || anchors === 0 || rows.some((count, level) => count !== expected[level])) {
      throw unusable(`${found}, not the same number of anchors in each cell of the strides 8, 16, 32, in this order`);
    }
  }
}

function shape(dimensions: readonly (string | number)[]): string {
  return `[${dimensions.map((length) => (length === '' ? '?' : length)).join(', ')}]`;
}

function unusable(found: string): ModelError {
  return new ModelError(`this is not a supported detector: ${found}`);
}
