import { InferenceSession, Tensor } from '../../models/onnx-runtime.ts';
import type { Size } from '../../vision/geometry.ts';
import { CANVAS_MULTIPLE } from '../../vision/letterbox.ts';
import { kindOf, type NetworkKind } from '../../vision/network-kind.ts';
import type { NetworkOutput } from '../../vision/scrfd.ts';
import { Pace } from './look-budget.ts';
import { release } from './release.ts';

/**
 * Maximum pixels of a canvas in the memory arena of ONNX Runtime. The arena makes small canvases a third faster, but never
 * frees the memory of its largest one. Larger canvases than that of verification at the default size are rare.
 */
const LARGEST_IN_ARENA = 960 * 960;

/** A network in ONNX Runtime: letterboxed pixels in, outputs out that its kind can decode. */
export class Detector {
  readonly #inArena: InferenceSession;
  readonly #createWithoutArena: () => Promise<InferenceSession>;
  /** Created by the first canvas that needs it, which is rare. */
  #withoutArena: InferenceSession | undefined;
  readonly #inputName: string;
  readonly kind: NetworkKind;
  /** The only canvas of a network with a fixed input; null: any with sides in multiples of 32. */
  readonly fixedCanvas: Size | null;
  /** Speed of its looks, from the tensor to the candidates. */
  readonly pace = new Pace();
  /** Reused and grown to the largest canvas in the arena: a new buffer per inference would cause page faults. */
  #input = new Float32Array();

  private constructor(inArena: InferenceSession, createWithoutArena: () => Promise<InferenceSession>) {
    const [input] = inArena.inputMetadata;
    if (inArena.inputMetadata.length !== 1 || !input?.isTensor || input.shape.length !== 4) {
      throw new Error('the model must have one input of shape [1, 3, height, width]');
    }
    this.#inArena = inArena;
    this.#createWithoutArena = createWithoutArena;
    this.#inputName = input.name;
    this.kind = kindOf(inArena.outputNames);
    this.fixedCanvas = fixedCanvas(input.shape);
  }

  static async load(path: string, ortThreads: number): Promise<Detector> {
    const create = (enableCpuMemArena: boolean) =>
      InferenceSession.create(path, {
        intraOpNumThreads: ortThreads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        logSeverityLevel: 3,
        // Photos have many shapes, and each would add a pattern.
        enableMemPattern: false,
        enableCpuMemArena,
        // Spinning threads would take CPU time from other requests.
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      });
    return new Detector(await create(true), () => create(false));
  }

  /** Buffer for the tensor of a canvas; valid until the next call. */
  inputFor({ width, height }: Size): Float32Array<ArrayBuffer> {
    const length = 3 * width * height;
    if (width * height > LARGEST_IN_ARENA) return new Float32Array(length);
    if (this.#input.length < length) this.#input = new Float32Array(length);
    return this.#input.subarray(0, length);
  }

  /** @param tensor [1, 3, canvas.height, canvas.width] (see toTensor), in a buffer of `inputFor` */
  async infer(tensor: Float32Array, canvas: Size): Promise<NetworkOutput[]> {
    const input = new Tensor('float32', tensor, [1, 3, canvas.height, canvas.width]);
    const session =
      canvas.width * canvas.height > LARGEST_IN_ARENA
        ? (this.#withoutArena ??= await this.#createWithoutArena())
        : this.#inArena;
    const outputs = await session.run({ [this.#inputName]: input });
    if (tensor.buffer !== this.#input.buffer) release(tensor);
    return (this.kind.outputNames ?? session.outputNames).map((name) => {
      const { dims, data } = outputs[name]!;
      if (!(data instanceof Float32Array)) throw new Error(`the model's output ${name} is not of type float32`);
      return { dims, data };
    });
  }

  /** One inference on an empty canvas: allocates memory and checks the shapes of the outputs. */
  async warmUp(): Promise<void> {
    const canvas = this.fixedCanvas ?? { width: CANVAS_MULTIPLE, height: CANVAS_MULTIPLE };
    const outputs = await this.infer(new Float32Array(3 * canvas.width * canvas.height), canvas);
    this.kind.decode(outputs, canvas, 1);
  }
}

/** @returns null if a dimension is free: not a number, or not positive */
function fixedCanvas(shape: readonly (number | string)[]): Size | null {
  const [, , height, width] = shape;
  return typeof height === 'number' && typeof width === 'number' && height > 0 && width > 0 ? { width, height } : null;
}
