import { DomainError } from '../errors/domain-error.ts';
import type { LoadedModel } from '../models/loaded-model.ts';
import type { FinishedJob, RecordedSearch } from '../storage/job.ts';
import { currentTrace } from '../tracing/trace.ts';
import { toDetectionBody, toVerificationBody } from './detection-body.ts';
import type { ImageRequest } from './image-request.ts';
import type { DetectionBody } from './schemas.ts';

/**
 * The job of a request. It has all faces that were found, also those that the response omits.
 * @param start `ms` is a time of `performance.now()`, which is not affected by changes of the system clock
 * @param failure undefined if the request succeeded
 */
export function toFinishedJob(
  request: ImageRequest,
  jobId: string,
  start: { readonly at: Date; readonly ms: number },
  model: LoadedModel,
  failure: unknown,
): FinishedJob {
  const { image, options, apiKeyName } = request;
  const answer = failure === undefined ? request.answer : null;
  const body = answer && toDetectionBody(answer, request, model, { landmarks: true });
  return {
    id: jobId,
    kind: request.kind,
    status: failure === undefined ? 'done' : 'failed',
    // Without the option that says whether to store the job.
    options: Object.fromEntries(Object.entries(options).filter(([name]) => name !== 'store')),
    settings: request.settings,
    verification: toVerificationBody(answer?.verification ?? null),
    metadata: answer?.metadata ?? null,
    faces: body?.faces ?? null,
    faceCount: body?.face_count ?? null,
    maskedCount: answer?.maskedCount ?? null,
    uncertainCount: answer?.uncertainCount ?? null,
    masks: answer?.masks ?? null,
    search: recordedSearch(body?.search ?? null),
    timings: body?.timings ?? {},
    durationMs: performance.now() - start.ms,
    model: { name: model.name, sha256: model.sha256 },
    error: failure === undefined ? null : errorOf(failure),
    requestId: request.id,
    trace: currentTrace()?.context ?? null,
    apiKeyName,
    createdAt: start.at.toISOString(),
    size: request.answer && { width: request.answer.image.width, height: request.answer.image.height },
    // Empty if it was lost when a thread crashed.
    original: image.byteLength > 0 ? image : null,
    result: answer?.output ? { type: answer.output.format, bytes: answer.output.bytes } : null,
  };
}

function recordedSearch(search: DetectionBody['search']): RecordedSearch | null {
  return (
    search && {
      smallest_face_px: search.smallest_face_px,
      skipped_looks: search.skipped_looks.reduce((sum, { runs }) => sum + runs, 0),
    }
  );
}

/** As in the response; the cause is in the log. */
function errorOf(failure: unknown): { code: string; detail: string } {
  if (failure instanceof DomainError) return { code: failure.code, detail: failure.message };
  return { code: 'internal', detail: 'An unexpected error occurred. The log has the details under the request ID' };
}
