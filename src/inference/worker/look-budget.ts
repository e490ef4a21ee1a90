import { processMs } from './process-clock.ts';

/** Until when the looks at one picture may be taken. */
export class LookBudget {
  readonly #end: number;
  readonly #now: () => number;
  #isFirst = true;

  /** @param end in milliseconds of `now`; Infinity: no limit */
  constructor(end: number, now = processMs) {
    this.#end = end;
    this.#now = now;
  }

  /** Takes looks one after another, in their order, without those that would end too late. The very first is always taken. */
  async take<Look, Finding>(
    looks: readonly Look[],
    estimateMs: (look: Look) => number,
    take: (look: Look) => Promise<Finding>,
  ): Promise<{ readonly findings: Finding[]; readonly skipped: Look[] }> {
    const findings: Finding[] = [];
    const skipped: Look[] = [];
    for (const look of looks) {
      if (this.#isFirst || estimateMs(look) <= this.#end - this.#now()) {
        this.#isFirst = false;
        findings.push(await take(look));
      } else {
        skipped.push(look);
      }
    }
    return { findings, skipped };
  }
}

/** The end of an equal share of the time that is left, where `count` pictures are still to be searched. */
export function shareOf(end: number, count: number, now = processMs()): number {
  return now + (end - now) / count;
}

/** With each measurement, earlier ones count so much less. */
const KEPT = 0.8;

/** How long a network takes for a canvas, by what it took last. */
export class Pace {
  #ms = 0;
  #pixels = 0;

  add(pixels: number, ms: number): void {
    this.#ms = KEPT * this.#ms + ms;
    this.#pixels = KEPT * this.#pixels + pixels;
  }

  /** 0 before the first measurement, which is then taken if there is any time at all. */
  msFor(pixels: number): number {
    return this.#pixels === 0 ? 0 : (this.#ms / this.#pixels) * pixels;
  }
}
