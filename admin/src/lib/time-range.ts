/** Time ranges of the overview. */

export const RANGES = {
  '1h': { label: '1 h', seconds: 3600 },
  '6h': { label: '6 h', seconds: 6 * 3600 },
  '24h': { label: '24 h', seconds: 24 * 3600 },
  '7d': { label: '7 days', seconds: 7 * 86_400 },
  '30d': { label: '30 days', seconds: 30 * 86_400 },
} as const;
export type RangeName = keyof typeof RANGES;

/** In milliseconds since 1970. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

const MAX_BUCKETS = 200;
const STEPS_SECONDS = [60, 300, 900, 3600, 3 * 3600, 6 * 3600, 86_400, 7 * 86_400];
/** Longer periods are reported by whole hours. */
const LONGEST_BY_MINUTES_SECONDS = 2 * 86_400;

/** Length of a bucket, so that a chart has at most about 200. */
export function stepOf({ from, to }: TimeRange): number {
  const seconds = (to - from) / 1000;
  // The service extends the period to whole steps.
  const shortest = seconds > LONGEST_BY_MINUTES_SECONDS - 2 * 3600 ? 3600 : 60;
  const step = STEPS_SECONDS.find((one) => one >= shortest && seconds / one <= MAX_BUCKETS);
  return step ?? STEPS_SECONDS.at(-1)!;
}

/** The range of the URL: the name of one that ends now, or a custom one with `from` and `to`. */
export function rangeOf(search: Pick<URLSearchParams, 'get'>): RangeName | TimeRange {
  const [from, to] = ['from', 'to'].map((name) => Date.parse(search.get(name) ?? ''));
  if (from! < to!) return { from: from!, to: to! };
  const name = search.get('range') ?? '';
  return name in RANGES ? (name as RangeName) : '1h';
}

export function toTimes(range: RangeName | TimeRange, now = Date.now()): TimeRange {
  return typeof range === 'string' ? { from: now - RANGES[range].seconds * 1000, to: now } : range;
}

/** Such as `Europe/Berlin, GMT+1`. */
export function timeZone(): string {
  const { timeZone: name } = Intl.DateTimeFormat().resolvedOptions();
  const parts = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' }).formatToParts();
  const offset = parts.find(({ type }) => type === 'timeZoneName')?.value;
  return offset === undefined || offset === name ? name : `${name}, ${offset}`;
}

/** The last midnight of the browser's time zone */
export const startOfToday = (): Date => new Date(new Date().setHours(0, 0, 0, 0));
