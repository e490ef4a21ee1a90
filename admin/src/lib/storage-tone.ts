/** The color of a storage condition. */
export function storageTone(condition: string | null): 'neutral' | 'good' | 'warning' | 'danger' {
  if (condition === 'ok') return 'good';
  if (condition === 'off' || condition === null) return 'neutral';
  return condition === 'degraded' ? 'warning' : 'danger';
}
