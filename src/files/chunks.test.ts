import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Chunks, readAtMost } from './chunks.ts';

describe('the pieces of a body', () => {
  it('are all there, in their order, however many they are', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3 }), { maxLength: 5000, size: 'max' }), (pieces) => {
        const chunks = new Chunks();
        for (const piece of pieces) chunks.add(Buffer.from(piece));
        const all = Buffer.concat(pieces);
        expect(chunks.length).toBe(all.length);
        expect(chunks.concat().equals(all)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a stream', () => {
  it('is read if it is as long as the limit, and not beyond it', async () => {
    let read = 0;
    async function* pieces() {
      for (const piece of ['ab', 'c', 'd', 'e']) {
        read++;
        yield await Promise.resolve(Buffer.from(piece));
      }
    }
    expect((await readAtMost(pieces(), 5))?.toString()).toBe('abcde');
    read = 0;
    expect(await readAtMost(pieces(), 2)).toBeNull();
    expect(read).toBe(2);
  });
});
