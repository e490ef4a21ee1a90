import { InferenceSession, Tensor } from '../../models/onnx-runtime.ts';
import type { Size } from '../../vision/geometry.ts';
import { CANVAS_MULTIPLE } from '../../vision/letterbox.ts';
import { decodeCandidates, type NetworkOutput } from '../../vision/scrfd.ts';
import { release } from './release.ts';

/**
 * An arena makes small canvases a third faster, and keeps for ever what its largest one took. Larger ones than this, in
 * pixels, go without: verification at the usual size is the largest that is common.
 */
const LARGEST_IN_ARENA = 960 * 960;

/** An SCRFD network in ONNX Runtime: letterboxed pixels in, candidates on the canvas out. */
export class Detector {
  readonly #inArena: InferenceSession;
  readonly #createWithoutArena: () => Promise<InferenceSession>;
  /** Created by the first canvas that needs it: most services never see one. */
  #withoutArena: InferenceSession | undefined;
  readonly #inputName: string;
  /** Of a network that takes no other; null: any whose sides are multiples of 32. */
  readonly fixedCanvas: Size | null;
  /** Grows to the largest canvas in the arena: a fresh one for each inference would have to be mapped in page by page. */
  #input = new Float32Array();

  private constructor(inArena: InferenceSession, createWithoutArena: () => Promise<InferenceSession>) {
    const [input] = inArena.inputMetadata;
    if (inArena.inputMetadata.length !== 1 || !input?.isTensor || input.shape.length !== 4) {
      throw new Error('the model must have one input of shape [1, 3, height, width]');
    }
    this.#inArena = inArena;
    this.#createWithoutArena = createWithoutArena;
    this.#inputName = input.name;
    this.fixedCanvas = fixedCanvas(input.shape);
  }

  static async load(path: string, ortThreads: number): Promise<Detector> {
    const create = (enableCpuMemArena: boolean) =>
      InferenceSession.create(path, {
        intraOpNumThreads: ortThreads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        logSeverityLevel: 3,
        // Photos of many shapes pass through: a pattern per shape would add up.
        enableMemPattern: false,
        enableCpuMemArena,
        // Threads that wait for the next inference in a loop would take the cores from the other requests.
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      });
    return new Detector(await create(true), () => create(false));
  }

  /** Room for the tensor of a canvas, until the next is asked for. */
  inputFor({ width, height }: Size): Float32Array<ArrayBuffer> {
    const length = 3 * width * height;
    if (width * height > LARGEST_IN_ARENA) return new Float32Array(length);
    if (this.#input.length < length) this.#input = new Float32Array(length);
    return this.#input.subarray(0, length);
  }

  /** @param tensor [1, 3, canvas.height, canvas.width], normalised, see toTensor; from `inputFor`, and free afterwards */
  async infer(tensor: Float32Array, canvas: Size): Promise<NetworkOutput[]> {
    const input = new Tensor('float32', tensor, [1, 3, canvas.height, canvas.width]);
    const session =
      canvas.width * canvas.height > LARGEST_IN_ARENA
        ? (this.#withoutArena ??= await this.#createWithoutArena())
        : this.#inArena;
    const outputs = await session.run({ [this.#inputName]: input });
    if (tensor.buffer !== this.#input.buffer) release(tensor);
    return session.outputNames.map((name) => {
      const { dims, data } = outputs[name]!;
      if (!(data instanceof Float32Array)) throw new Error(`the model's output ${name} is not of type float32`);
      return { dims, data };
    });
  }

  /** One inference on an empty canvas: the first one allocates, and shows whether the outputs are as they should be. */
  async warmUp(): Promise<void> {
    const canvas = this.fixedCanvas ?? { width: CANVAS_MULTIPLE, height: CANVAS_MULTIPLE };
    const outputs = await this.infer(new Float32Array(3 * canvas.width * canvas.height), canvas);
    decodeCandidates(outputs, canvas, 1);
  }
}

/** Dimensions that are not numbers (or not positive) are free. */
function fixedCanvas(shape: readonly (number | string)[]): Size | null {
  const [, , height, width] = shape;
  return typeof height === 'number' && typeof width === 'number' && height > 0 && width > 0 ? { width, height } : null;
}
