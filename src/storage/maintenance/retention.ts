const DAY_MS = 86_400_000;

/** Data from before this time is deleted. */
export function retentionLimit(days: number): Date {
  return new Date(Date.now() - days * DAY_MS);
}
