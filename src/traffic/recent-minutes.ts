import { type Answer, Tally } from './tally.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
const MINUTES_PER_HOUR = 60;
/** A day, and the hour that has begun: so that each hour of the day is known whole. */
const KEPT_MINUTES = 25 * MINUTES_PER_HOUR;

/** What this process did in each of the last minutes; those of a day ago are forgotten. */
export class RecentMinutes {
  /** By number of the minute since 1970, in the order of time. */
  readonly #minutes = new Map<number, Tally>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** @returns the start of the minute that it was counted in */
  add(answer: Answer): number {
    const minute = this.#current;
    let tally = this.#minutes.get(minute);
    if (!tally) {
      this.#forget(minute - KEPT_MINUTES);
      tally = new Tally();
      this.#minutes.set(minute, tally);
    }
    tally.add(answer);
    return minute * MINUTE_MS;
  }

  /** The start of the hour before which all is forgotten. */
  get since(): number {
    return Math.floor(((this.#current - KEPT_MINUTES) * MINUTE_MS) / HOUR_MS) * HOUR_MS;
  }

  /** Undefined: nothing happened, or it is forgotten. */
  minute(start: number): Tally | undefined {
    return this.#minutes.get(start / MINUTE_MS);
  }

  /** The sum of its minutes, which are all known. Undefined: nothing happened, or some of it is forgotten. */
  hour(start: number): Tally | undefined {
    const first = start / MINUTE_MS;
    if (first < this.#current - KEPT_MINUTES) return undefined;
    const minutes = Array.from({ length: MINUTES_PER_HOUR }, (_, at) => this.#minutes.get(first + at));
    if (minutes.every((minute) => minute === undefined)) return undefined;
    const sum = new Tally();
    for (const minute of minutes) if (minute) sum.merge(minute);
    return sum;
  }

  get #current(): number {
    return Math.floor(this.#now() / MINUTE_MS);
  }

  #forget(before: number): void {
    for (const minute of this.#minutes.keys()) if (minute < before) this.#minutes.delete(minute);
  }
}
