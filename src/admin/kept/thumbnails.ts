import { Injectable } from '@nestjs/common';
import { EXTRA_THREADS, InferencePool } from '../../inference/inference-pool.ts';
import { Semaphore } from '../../inference/semaphore.ts';

/** Small pictures of stored images, made by the threads that are there for them. */
@Injectable()
export class Thumbnails {
  private readonly permits = new Semaphore(EXTRA_THREADS);

  constructor(private readonly pool: InferencePool) {}

  /**
   * @param read gives the image's bytes; called when it is its turn, so that few images are in memory at once
   * @returns a WebP; null where `read` gives none
   */
  async make(
    read: () => Promise<Uint8Array | null>,
    longSide: number,
    abandoned: AbortSignal,
  ): Promise<Uint8Array | null> {
    const release = await this.permits.acquire(abandoned);
    try {
      const stored = await read();
      if (!stored) return null;
      // In a buffer of its own, which can be moved to the thread.
      const image = Uint8Array.from(stored);
      return (await this.pool.thumbnail({ image, longSide }, abandoned)).bytes;
    } finally {
      release();
    }
  }
}
