/** Number of pieces that are merged. A piece needs about 100 bytes of memory besides its data, which may be one byte. */
const MERGE_COUNT = 1024;

/** Collects the pieces of a stream, which its sender can make as small as one byte. */
export class Chunks {
  #merged: Buffer[] = [];
  #small: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(chunk: Buffer): void {
    this.#small.push(chunk);
    this.#length += chunk.length;
    if (this.#small.length === MERGE_COUNT) this.#merge();
  }

  /** A short body may share its memory with other buffers. */
  concat(): Buffer {
    return Buffer.concat([...this.#merged, ...this.#small], this.#length);
  }

  #merge(): void {
    this.#merged.push(Buffer.concat(this.#small));
    this.#small = [];
  }
}

/**
 * Reads a stream whose sender decides on its length.
 * @returns null if it is longer than `maxBytes`; the rest is not read
 */
export async function readAtMost(content: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer | null> {
  const chunks = new Chunks();
  for await (const chunk of content) {
    chunks.add(chunk);
    if (chunks.length > maxBytes) return null;
  }
  return chunks.concat();
}
