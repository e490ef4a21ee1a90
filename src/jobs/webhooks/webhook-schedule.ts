const FIRST_DELAY_MS = 5000;
const GROWTH = 3;
const LONGEST_DELAY_MS = 4 * 3_600_000;
export const RETRY_FOR_MS = 24 * 3_600_000;
/** A delay is longer or shorter by up to this share, so that a receiver that was down does not get all webhooks at once. */
const JITTER = 0.2;

/**
 * When a failed delivery is tried again: after 5 seconds, then three times as long each time, up to 4 hours, for a day.
 * @param failures since the delivery began, at least 1
 * @param random from 0 to 1
 * @returns null if it has been tried for a day
 */
export function nextAttemptAt(failures: number, startedAt: Date, now: Date, random = Math.random()): Date | null {
  const end = startedAt.getTime() + RETRY_FOR_MS;
  if (now.getTime() >= end) return null;
  const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * GROWTH ** (failures - 1));
  const jittered = delay * (1 + JITTER * (2 * random - 1));
  return new Date(Math.min(end, now.getTime() + jittered));
}
