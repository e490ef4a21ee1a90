import { Injectable } from '@nestjs/common';
import { InferencePool } from '../../inference/inference-pool.ts';
import { THUMBNAIL_THREADS } from '../../inference/worker-threads.ts';
import { Semaphore } from '../../inference/semaphore.ts';

/** Makes thumbnails of stored images on the thread for thumbnails. */
@Injectable()
export class Thumbnails {
  private readonly permits = new Semaphore(THUMBNAIL_THREADS);

  constructor(private readonly pool: InferencePool) {}

  /**
   * @param read reads the bytes of the image; called when a thread is free, so that few images are in memory
   * @returns a WebP; null if `read` returns null
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
      // In its own ArrayBuffer, which can be transferred to the thread.
      const image = Uint8Array.from(stored);
      return (await this.pool.thumbnail({ image, longSide }, abandoned)).bytes;
    } finally {
      release();
    }
  }
}
