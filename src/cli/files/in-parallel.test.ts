import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inParallel } from './in-parallel.ts';

// eslint-disable-next-line @typescript-eslint/require-await
async function* numbers(count: number): AsyncGenerator<number> {
  for (let number = 0; number < count; number++) yield number;
}

describe('work in parallel', () => {
  it('does each item once, never more at the same time than the limit, and takes none ahead', async () => {
    const seen: number[] = [];
    let running = 0;
    let most = 0;
    await inParallel(numbers(100), 7, async (number) => {
      most = Math.max(most, ++running);
      await nextTurn();
      running--;
      seen.push(number);
    });
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(most).toBe(7);
  });

  it('starts nothing after a failure, and throws when the running work has ended', async () => {
    const started: number[] = [];
    let ended = 0;
    const work = inParallel(numbers(100), 3, async (number) => {
      started.push(number);
      if (number === 4) throw new Error('the fifth');
      await nextTurn();
      await nextTurn();
      ended++;
    });
    await expect(work).rejects.toThrow('the fifth');
    expect(ended).toBe(started.length - 1);
    expect(started.length).toBeLessThan(10);
  });
});
