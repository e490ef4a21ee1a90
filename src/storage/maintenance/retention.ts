const DAY_MS = 86_400_000;

/** What was made before this moment is not to be kept any longer. */
export function retentionLimit(days: number): Date {
  return new Date(Date.now() - days * DAY_MS);
}
