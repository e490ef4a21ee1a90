import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextAttemptAt, RETRY_FOR_MS } from './webhook-schedule.ts';

const START = new Date('2026-01-01T00:00:00Z');

/** The times of all attempts at a receiver that fails each time, in milliseconds since the first */
function attempts(random: () => number): number[] {
  const times = [0];
  for (;;) {
    const at = nextAttemptAt(times.length, START, new Date(START.getTime() + times.at(-1)!), random());
    if (!at) return times;
    times.push(at.getTime() - START.getTime());
  }
}

describe('a webhook whose receiver fails', () => {
  it('is tried again after 5, 15 and 45 seconds, and the last time after a day', () => {
    const times = attempts(() => 0.5);
    expect(times.slice(0, 4)).toEqual([0, 5000, 20_000, 65_000]);
    expect(times.at(-1)).toBe(RETRY_FOR_MS);
    expect(times.length).toBeLessThan(20);
  });

  it('is tried at times that differ by chance, each later than the one before, for a day', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (stream) => {
        const times = attempts(() => stream.next().value as number);
        expect(times.at(-1)).toBe(RETRY_FOR_MS);
        expect(times.every((time, at) => at === 0 || time > times[at - 1]!)).toBe(true);
        expect(times.length).toBeGreaterThan(10);
        expect(times[1]).toBeGreaterThanOrEqual(4000);
        expect(times[1]).toBeLessThanOrEqual(6000);
      }),
    );
  });
});
