/** Values below are counted as this, values above the largest as that. */
const SMALLEST_MS = 0.1;
const LARGEST_MS = 1_000_000;
/** Largest relative error of a percentile. */
const ERROR = 0.04;
/** Each bin ends where a value is so many times that at its start: its middle is within the error of all in it. */
const GROWTH = (1 + ERROR) / (1 - ERROR);

const BINS = binOf(LARGEST_MS) + 1;

/**
 * Counts of latencies in bins whose width grows with the value, so that percentiles are known to within a share of
 * themselves, and those of several processes and minutes can be added (as DDSketch does: Masson, Rim, Lee, VLDB 2019).
 */
export class LatencyHistogram {
  readonly #counts = new Float64Array(BINS);

  add(ms: number): void {
    this.#counts[binOf(Math.min(LARGEST_MS, Math.max(SMALLEST_MS, ms)))]! += 1;
  }

  merge(other: LatencyHistogram): void {
    for (let bin = 0; bin < BINS; bin++) this.#counts[bin]! += other.#counts[bin]!;
  }

  /** @param counts by number of the bin, as `toRecord` gives them */
  mergeRecord(counts: Readonly<Record<string, number>>): void {
    for (const bin in counts) this.#counts[Number(bin)]! += counts[bin]!;
  }

  /**
   * The least latency in ms that so large a share of the values does not exceed; null: there are none.
   * @param share above 0, at most 1
   */
  percentile(share: number): number | null {
    const total = this.#counts.reduce((sum, count) => sum + count, 0);
    if (total === 0) return null;
    const rank = Math.ceil(share * total);
    let bin = 0;
    for (let seen = this.#counts[0]!; seen < rank; seen += this.#counts[bin]!) bin++;
    return middleOf(bin);
  }

  /** Counts by number of the bin, of those that have any. */
  toRecord(): Record<string, number> {
    return Object.fromEntries([...this.#counts.entries()].filter(([, count]) => count > 0));
  }
}

function binOf(ms: number): number {
  return Math.ceil(Math.log(ms / SMALLEST_MS) / Math.log(GROWTH));
}

/** The bin's values reach from GROWTH^(bin − 1) to GROWTH^bin; this is as far from one end as from the other, by ratio. */
function middleOf(bin: number): number {
  return (SMALLEST_MS * 2 * GROWTH ** bin) / (GROWTH + 1);
}
