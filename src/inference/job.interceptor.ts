import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { v7 } from 'uuid';
import { DomainError } from '../errors/domain-error.ts';
import { LoadedModel } from '../models/loaded-model.ts';
import type { FinishedJob, JobKind } from '../storage/job.ts';
import { JobRecorder } from '../storage/job-recorder.ts';
import { currentTrace, traced } from '../tracing/trace.ts';
import { toDetectionBody } from './detection-body.ts';
import type { Keep } from './inference-pool.ts';
import type { DetectAnswer, MaskAnswer } from './worker/messages.ts';

/** A detection's answer, with what masking adds to it. */
type AnyAnswer = DetectAnswer & Partial<MaskAnswer>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Takes what the pool leaves behind of the request's task, where jobs are kept. */
    keepJob: Keep<AnyAnswer> | undefined;
    /** Of the job that is kept of the request. */
    jobId: string | undefined;
  }
}

const JOB_KIND = Symbol('kind of the jobs of a handler');

/** Which kind of job the handler's requests are kept as. */
export const KeepsJob = (kind: JobKind): MethodDecorator => SetMetadata(JOB_KIND, kind);

/**
 * Has each request's job kept, also that of one that failed, before it is answered. It stands between the upload, which
 * it needs, and the semaphore: no permit for inference is held while the job is written.
 */
@Injectable()
export class JobInterceptor implements NestInterceptor {
  constructor(
    private readonly recorder: JobRecorder,
    private readonly model: LoadedModel,
    private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    // The option of those who try the service out.
    if (!this.recorder.isOn || request.upload!.options['store'] === false) return next.handle();
    const kind = this.reflector.get<JobKind>(JOB_KIND, context.getHandler());
    return from(this.keep(request, kind, () => lastValueFrom(next.handle())));
  }

  /** Keeps what `work` does with the request's image and options, whichever way they came into it. */
  async keep<Result>(request: FastifyRequest, kind: JobKind, work: () => Promise<Result>): Promise<Result> {
    const { image } = request.upload!;
    const job: UnfinishedJob = {
      id: v7(),
      kind,
      start: new Date(),
      startMs: performance.now(),
      original: null,
      answer: null,
    };
    await this.recorder.admit(image.byteLength);
    request.jobId = job.id;
    request.keepJob = (original, answer) => {
      Object.assign(job, { original, answer });
    };
    const [outcome] = await Promise.allSettled([work()]);
    // A request that failed before it came to a worker has its image still; one that went is empty here.
    if (image.byteLength > 0) job.original = image;
    currentTrace()?.describe({ 'face_api.job_id': job.id });
    const failure: unknown = outcome.status === 'rejected' ? outcome.reason : request.abandoned.reason;
    await traced('spool', () => this.recorder.record(this.finished(job, request, failure)));
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }

  /** @param failure undefined where the request succeeds */
  private finished(job: UnfinishedJob, request: FastifyRequest, failure: unknown): FinishedJob {
    const answer = failure === undefined ? job.answer : null;
    const body = answer && toDetectionBody(answer, this.bodyContext(request));
    return {
      id: job.id,
      kind: job.kind,
      status: failure === undefined ? 'done' : 'failed',
      options: withoutStore(request.upload!.options),
      faces: body?.faces ?? null,
      faceCount: body?.face_count ?? null,
      maskedCount: answer?.maskedCount ?? null,
      timings: body?.timings ?? {},
      durationMs: performance.now() - job.startMs,
      model: { name: this.model.name, sha256: this.model.sha256 },
      error: failure === undefined ? null : errorOf(failure),
      requestId: request.id,
      trace: currentTrace()?.context ?? null,
      apiKeyName: request.apiKeyName,
      createdAt: job.start.toISOString(),
      size: job.answer && { width: job.answer.image.width, height: job.answer.image.height },
      original: job.original,
      result: answer?.output ? { type: answer.output.format, bytes: answer.output.bytes } : null,
    };
  }

  /** Whatever the caller wanted to see, all that was found is kept. */
  private bodyContext(request: FastifyRequest): Parameters<typeof toDetectionBody>[1] {
    return { requestId: request.id, model: this.model, landmarks: true, queuedMs: request.queuedMs ?? 0 };
  }
}

interface UnfinishedJob {
  readonly id: string;
  readonly kind: JobKind;
  readonly start: Date;
  /** On the clock of `performance.now()`: nobody sets it. */
  readonly startMs: number;
  original: Uint8Array | null;
  answer: AnyAnswer | null;
}

/** The options, without whether to store the job. */
function withoutStore(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => name !== 'store'));
}

/** As the caller is told: what lies behind it belongs in the log. */
function errorOf(failure: unknown): { code: string; detail: string } {
  if (failure instanceof DomainError) return { code: failure.code, detail: failure.message };
  return { code: 'internal', detail: 'An unexpected error occurred. The log has the details under the request ID' };
}
