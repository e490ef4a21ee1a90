/** Values below are counted as this, values above the largest as that. */
const SMALLEST_MS = 0.1;
const LARGEST_MS = 1_000_000;
/** Largest relative error of a percentile. */
const ERROR = 0.04;
/** Each bin ends where a value is so many times that at its start: its middle is within the error of all in it. */
const GROWTH = (1 + ERROR) / (1 - ERROR);

/**
 * Counts of latencies in bins whose width grows with the value, so that percentiles are known to within a share of
 * themselves, and those of several processes and minutes can be added (as DDSketch does: Masson, Rim, Lee, VLDB 2019).
 */
export class LatencyHistogram {
  readonly #counts: Map<number, number>;

  constructor(counts: Readonly<Record<string, number>> = {}) {
    this.#counts = new Map(Object.entries(counts).map(([bin, count]) => [Number(bin), count]));
  }

  add(ms: number): void {
    const clamped = Math.min(LARGEST_MS, Math.max(SMALLEST_MS, ms));
    this.#count(Math.ceil(Math.log(clamped / SMALLEST_MS) / Math.log(GROWTH)), 1);
  }

  merge(other: LatencyHistogram): void {
    for (const [bin, count] of other.#counts) this.#count(bin, count);
  }

  /**
   * The least latency in ms that so large a share of the values does not exceed; null: there are none.
   * @param share above 0, at most 1
   */
  percentile(share: number): number | null {
    const bins = [...this.#counts].sort(([one], [other]) => one - other);
    const total = bins.reduce((sum, [, count]) => sum + count, 0);
    const rank = Math.ceil(share * total);
    let seen = 0;
    for (const [bin, count] of bins) {
      seen += count;
      if (seen >= rank) return middleOf(bin);
    }
    return null;
  }

  /** Counts by number of the bin, as the constructor takes them. */
  toRecord(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  #count(bin: number, count: number): void {
    this.#counts.set(bin, (this.#counts.get(bin) ?? 0) + count);
  }
}

/** The bin's values reach from GROWTH^(bin − 1) to GROWTH^bin; this is as far from one end as from the other, by ratio. */
function middleOf(bin: number): number {
  return (SMALLEST_MS * 2 * GROWTH ** bin) / (GROWTH + 1);
}
