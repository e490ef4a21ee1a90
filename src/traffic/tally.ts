import { LatencyHistogram } from './latency-histogram.ts';

/** An answered request, as far as it is counted. */
export interface Answer {
  readonly status: number;
  readonly faces: number;
  readonly masked: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly ms: number;
}

export interface Counts {
  readonly requests: number;
  readonly rejected: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  readonly faces: number;
  readonly masked: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

const NOTHING = {
  requests: 0,
  rejected: 0,
  clientErrors: 0,
  serverErrors: 0,
  faces: 0,
  masked: 0,
  bytesIn: 0,
  bytesOut: 0,
} satisfies Counts;
const NAMES = Object.keys(NOTHING) as (keyof Counts)[];

/** Sums over some time, of some processes. */
export class Tally {
  readonly latencies = new LatencyHistogram();
  readonly #counts = { ...NOTHING };

  get counts(): Counts {
    return this.#counts;
  }

  /** Latencies are those of answers that were neither refused nor failed: refusing is quick, and would flatter them. */
  add({ status, faces, masked, bytesIn, bytesOut, ms }: Answer): void {
    const isRejected = status === 503 || status === 429;
    this.#sum({
      requests: 1,
      rejected: isRejected ? 1 : 0,
      clientErrors: !isRejected && status >= 400 && status < 500 ? 1 : 0,
      serverErrors: !isRejected && status >= 500 ? 1 : 0,
      faces,
      masked,
      bytesIn,
      bytesOut,
    });
    if (status < 400) this.latencies.add(ms);
  }

  merge(other: Tally): void {
    this.#sum(other.#counts);
    this.latencies.merge(other.latencies);
  }

  /** @param latencies as a histogram's record */
  mergeRow(counts: Counts, latencies: Readonly<Record<string, number>>): void {
    this.#sum(counts);
    this.latencies.mergeRecord(latencies);
  }

  #sum(other: Counts): void {
    for (const name of NAMES) this.#counts[name] += other[name];
  }
}
