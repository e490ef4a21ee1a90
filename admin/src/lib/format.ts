/** Formatting of numbers and times, the same on all pages. */

const LOCALE = 'en-GB';

const integers = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 });
const dates = new Intl.DateTimeFormat(LOCALE, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});
const shortDates = new Intl.DateTimeFormat(LOCALE, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const times = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit' });
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto' });

export const formatInteger = (value: number): string => integers.format(value);

/** 12,345 as it is, 1.2M above. */
export const formatCount = (value: number): string => (value < 100_000 ? integers : compact).format(value);

export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]!}`;
}

export function formatMs(ms: number): string {
  if (ms === 0) return '0 ms';
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms >= 100 ? ms.toFixed(0) : ms.toFixed(1)} ms`;
}

export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/** Images per second, or per minute where they are few. */
export function formatRate(perSecond: number | null): string {
  if (perSecond === null) return '–';
  return perSecond >= 1 ? `${perSecond.toFixed(1)}/s` : `${(perSecond * 60).toFixed(0)}/min`;
}

export const formatScore = (score: number): string => score.toFixed(2);
export const formatDate = (iso: string): string => dates.format(new Date(iso));
export const formatShortDate = (iso: string): string => shortDates.format(new Date(iso));

/** Of today: only the time. */
export function formatTime(iso: string, now = new Date()): string {
  const date = new Date(iso);
  return date.toDateString() === now.toDateString() ? times.format(date) : shortDates.format(date);
}

export function formatAgo(iso: string, now = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  const steps: [number, Intl.RelativeTimeFormatUnit][] = [
    [60, 'second'],
    [3600, 'minute'],
    [86_400, 'hour'],
    [30 * 86_400, 'day'],
    [365 * 86_400, 'month'],
    [Infinity, 'year'],
  ];
  let divisor = 1;
  for (const [limit, unit] of steps) {
    if (Math.abs(seconds) < limit) return relative.format(Math.round(seconds / divisor), unit);
    divisor = limit;
  }
  return formatDate(iso);
}

/** The end of a UUIDv7 is random; its beginning is a time and looks alike in all. */
export const shortId = (id: string): string => `…${id.slice(-8)}`;

/** `undecodable_image` → `undecodable image` */
export const formatCode = (code: string): string => code.replaceAll(/[_-]/g, ' ');

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatInteger(count)} ${count === 1 ? one : many}`;

/** Who did something, as the audit log names them: `user:anna` → `anna`; null: the service itself */
export const formatActor = (actor: string | null): string => actor?.replace(/^user:/, '') ?? 'the service';
