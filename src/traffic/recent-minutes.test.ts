import { describe, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS, RecentMinutes } from './recent-minutes.ts';

const answer = { status: 200, faces: 1, masked: 0, bytesIn: 10, bytesOut: 5, ms: 20 };
const NOON = Date.UTC(2026, 0, 1, 12);

function recentAt(start: number) {
  const clock = { now: start };
  return { clock, recent: new RecentMinutes(() => clock.now) };
}

describe('recent minutes', () => {
  it('add up to their hour', () => {
    const { clock, recent } = recentAt(NOON);
    for (let minute = 0; minute < 90; minute++) {
      clock.now = NOON + minute * MINUTE_MS;
      recent.add(answer);
    }
    expect(recent.hour(NOON)!.counts).toMatchObject({ requests: 60, faces: 60, bytesIn: 600 });
    expect(recent.hour(NOON + HOUR_MS)!.counts.requests).toBe(30);
    expect(recent.hour(NOON - HOUR_MS)).toBeUndefined();
    expect(recent.minute(NOON + MINUTE_MS)!.counts.requests).toBe(1);
  });

  it('of a day ago are forgotten, and never give half an hour for a whole one', () => {
    const { clock, recent } = recentAt(NOON);
    const total = 30 * 60;
    for (let minute = 0; minute < total; minute++) {
      clock.now = NOON + minute * MINUTE_MS;
      recent.add(answer);
    }
    const hours = Array.from({ length: 30 }, (_, hour) => recent.hour(NOON + hour * HOUR_MS)?.counts.requests);
    expect(hours.filter((requests) => requests !== undefined)).toEqual(Array(25).fill(60));
    expect(recent.minute(NOON)).toBeUndefined();
    expect(recent.since).toBeLessThanOrEqual(NOON + 5 * HOUR_MS);
  });

  it('hold a day and no more, however long it goes on', () => {
    const { clock, recent } = recentAt(NOON);
    for (let minute = 0; minute < 20_000; minute += 7) {
      clock.now = NOON + minute * MINUTE_MS;
      recent.add(answer);
    }
    let known = 0;
    for (let minute = 0; minute < 20_000; minute++) if (recent.minute(NOON + minute * MINUTE_MS)) known++;
    expect(known).toBeLessThan(1510 / 7 + 2);
  });
});
