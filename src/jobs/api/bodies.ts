import type { Batch, BatchItem } from '../batches.ts';
import { toOutputBody } from '../results/output-body.ts';
import type { S3Place } from '../s3-place.ts';
import type { BatchBody, BatchItemBody } from './schemas.ts';

export function toBatchBody(batch: Batch, resultPath: (id: string) => string): BatchBody {
  const { id, kind, options, priority, webhook, itemCount, doneCount, failedCount, deadCount, canceledCount } = batch;
  const settled = doneCount + failedCount + deadCount;
  const waiting = itemCount - settled - canceledCount;
  const end = batch.finishedAt ?? new Date();
  const seconds = (end.getTime() - batch.createdAt.getTime()) / 1000;
  const rate = settled > 0 && seconds > 0 ? settled / seconds : null;
  return {
    id,
    kind,
    state: batch.state as BatchBody['state'],
    options,
    priority,
    webhook,
    output: toOutputBody(batch.output),
    counts: {
      total: itemCount,
      waiting,
      done: doneCount,
      failed: failedCount,
      dead: deadCount,
      canceled: canceledCount,
    },
    items_per_second: rate && Math.round(rate * 100) / 100,
    estimated_end:
      batch.state === 'active' && rate !== null
        ? new Date(end.getTime() + (waiting / rate) * 1000).toISOString()
        : null,
    error: batch.error,
    created_at: batch.createdAt.toISOString(),
    finished_at: batch.finishedAt?.toISOString() ?? null,
    result_url: batch.output === null && ['done', 'canceled'].includes(batch.state) ? resultPath(id) : null,
  };
}

/** @param output of its batch */
export function toItemBody(item: BatchItem, output: S3Place | null): BatchItemBody {
  const { position, name, state, attempts, inputSha256, result, outcome, error } = item;
  return {
    position,
    name,
    state,
    attempts,
    input_sha256: inputSha256,
    output: result && {
      format: result.type,
      bytes: result.bytes,
      sha256: result.sha256,
      key: output && result.key,
    },
    outcome,
    error: state === 'done' ? null : error,
  };
}
