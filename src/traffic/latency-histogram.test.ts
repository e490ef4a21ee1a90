import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from './latency-histogram.ts';

const latency = fc.double({ min: 0.1, max: 1_000_000, noNaN: true });
const latencies = fc.array(latency, { minLength: 1, maxLength: 300 });
const share = fc.double({ min: 0.001, max: 1, noNaN: true });

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

function exactPercentile(values: readonly number[], wanted: number): number {
  return values.toSorted((one, other) => one - other)[Math.ceil(wanted * values.length) - 1]!;
}

describe('a histogram of latencies', () => {
  it('gives percentiles to within a twentieth of the exact ones', () => {
    fc.assert(
      fc.property(latencies, share, (values, wanted) => {
        const exact = exactPercentile(values, wanted);
        expect(Math.abs(histogramOf(values).percentile(wanted)! - exact) / exact).toBeLessThanOrEqual(0.05);
      }),
      { numRuns: 1000 },
    );
  });

  it('of two parts, merged, is that of the whole', () => {
    fc.assert(
      fc.property(latencies, latencies, (some, others) => {
        const merged = histogramOf(some);
        merged.merge(histogramOf(others));
        expect(merged.toRecord()).toEqual(histogramOf([...some, ...others]).toRecord());
      }),
    );
  });

  it('comes back from its record the same', () => {
    fc.assert(
      fc.property(latencies, share, (values, wanted) => {
        const histogram = histogramOf(values);
        const again = new LatencyHistogram();
        again.mergeRecord(JSON.parse(JSON.stringify(histogram.toRecord())) as Record<string, number>);
        expect(again.percentile(wanted)).toBe(histogram.percentile(wanted));
      }),
    );
  });

  it('holds no more bins than there are, whatever it counts', () => {
    const histogram = new LatencyHistogram();
    for (let ms = 1e-9; ms < 1e12; ms *= 1.01) histogram.add(ms);
    histogram.add(0);
    histogram.add(Infinity);
    expect(Object.keys(histogram.toRecord()).length).toBeLessThan(250);
  });

  it('of nothing has no percentile', () => {
    expect(new LatencyHistogram().percentile(0.5)).toBeNull();
  });
});
