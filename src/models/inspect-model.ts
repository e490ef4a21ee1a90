import { reasonOf } from '../errors/reason.ts';
import type { Size } from '../vision/geometry.ts';
import { kindOf, type NetworkKind } from '../vision/network-kind.ts';
import type { NetworkOutput } from '../vision/scrfd.ts';
import { InferenceSession, Tensor } from './onnx-runtime.ts';
import { ModelError } from './model-error.ts';

/** Input of networks of any size: small, and not square, so that swapped rows and columns are noticed. */
const probe = { height: 96, width: 160 };

/**
 * Checks that the bytes are an ONNX network that this service can use as a detector. Its input is one image as float32
 * [1 or N, 3, height, width]; its outputs are those of SCRFD or YuNet. Declared shapes are often wrong or symbolic, so the
 * network is run once, on a blank image.
 *
 * @throws ModelError that says what was found instead
 */
export async function inspectModel(bytes: Uint8Array): Promise<void> {
  const session = await load(bytes);
  try {
    const { name, height, width } = imageInput(session);
    const blank = new Tensor('float32', new Float32Array(3 * height * width), [1, 3, height, width]);
    const outputs = await session.run({ [name]: blank }).catch((error: unknown) => {
      throw unusable(`it fails on an image of ${width}×${height} pixels: ${reasonOf(error)}`);
    });
    const kind = kindOf(session.outputNames);
    const inOrder = (kind.outputNames ?? session.outputNames).map((output) => outputs[output] as NetworkOutput);
    checkOutputs(kind, inOrder, { width, height });
  } finally {
    await session.release();
  }
}

async function load(bytes: Uint8Array): Promise<InferenceSession> {
  try {
    // Severity 4: ONNX Runtime logs nothing itself, because the error below has the reason.
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

function checkOutputs(kind: NetworkKind, outputs: readonly NetworkOutput[], canvas: Size): void {
  try {
    kind.decode(outputs, canvas, Infinity);
  } catch (error) {
    throw unusable(reasonOf(error));
  }
  const isFinite = outputs.every(({ data }) => data.every((value) => Number.isFinite(value)));
  if (!isFinite) throw unusable(`its outputs for a blank image are not finite numbers`);
}

function shape(dimensions: readonly (string | number)[]): string {
  return `[${dimensions.map((length) => (length === '' ? '?' : length)).join(', ')}]`;
}

function unusable(found: string): ModelError {
  return new ModelError(`this is not a supported detector: ${found}`);
}
