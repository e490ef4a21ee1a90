import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Detector } from '../../src/inference/worker/detector.ts';
import type { DetectTask, MaskTask } from '../../src/inference/worker/messages.ts';
import { detectFaces, maskFaces, type Tools } from '../../src/inference/worker/pipeline.ts';

/** The same work in a bare loop on every core: no HTTP, no pool, no semaphore. What the service can reach at best. */

/** A whole task but for its flag. */
export type FloorTask =
  | { readonly kind: 'detect'; readonly task: Omit<DetectTask, 'cancel'> }
  | { readonly kind: 'mask'; readonly task: Omit<MaskTask, 'cancel'> };

interface Order {
  readonly work: FloorTask;
  readonly durationMs: number;
}

export class Floor {
  readonly #threads: readonly Worker[];

  private constructor(threads: readonly Worker[]) {
    this.#threads = threads;
  }

  static async start(modelPath: string): Promise<Floor> {
    const threads = Array.from(
      { length: availableParallelism() },
      () => new Worker(new URL(import.meta.url), { workerData: modelPath }),
    );
    await Promise.all(threads.map((thread) => once(thread, 'message')));
    return new Floor(threads);
  }

  /** @returns answers a second */
  async run(work: FloorTask, durationMs: number): Promise<number> {
    const start = performance.now();
    const counts = await Promise.all(
      this.#threads.map(async (thread) => {
        thread.postMessage({ work, durationMs } satisfies Order);
        const [count] = (await once(thread, 'message')) as [number];
        return count;
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0) / ((performance.now() - start) / 1000);
  }

  async stop(): Promise<void> {
    for (const thread of this.#threads) thread.postMessage(null);
    await Promise.all(this.#threads.map((thread) => once(thread, 'exit')));
  }
}

if (!isMainThread) {
  const port = parentPort!;
  const detector = await Detector.load(workerData as string, 1);
  const tools: Tools = { detector, second: null, maxPixels: Infinity, maxFrames: 1 };
  port.on('message', (order: Order | null) => {
    if (order === null) port.close();
    else
      void loop(order, tools).then((count) => {
        port.postMessage(count);
      });
  });
  port.postMessage('ready');
}

async function loop({ work, durationMs }: Order, tools: Tools): Promise<number> {
  const cancel = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const start = performance.now();
  let count = 0;
  for (; performance.now() - start < durationMs; count++) {
    if (work.kind === 'detect') await detectFaces({ ...work.task, cancel }, tools);
    else await maskFaces({ ...work.task, cancel }, tools);
  }
  return count;
}
