import type { Delivery } from '../../jobs/batches.ts';
import type { WebhookDeliveryBody } from './schemas.ts';

export function toDeliveryBody(delivery: Delivery): WebhookDeliveryBody {
  const { id, url, batchState, state, attempts, nextAttemptAt, createdAt, latest } = delivery;
  return {
    id,
    url,
    batch_state: batchState,
    state,
    attempts,
    next_attempt_at: nextAttemptAt?.toISOString() ?? null,
    created_at: createdAt.toISOString(),
    latest_attempts: latest.map(({ number, startedAt, durationMs, status, error }) => ({
      number,
      started_at: new Date(startedAt).toISOString(),
      duration_ms: durationMs,
      status,
      error,
    })),
  };
}
