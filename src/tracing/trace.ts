import { AsyncLocalStorage } from 'node:async_hooks';

/** Where a trace goes on, as of W3C Trace Context; it crosses the spool with its job. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** One piece of work within a trace. Times in milliseconds since the epoch, with their fractions. */
export interface TracedWork {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** What it consists of. */
  readonly parts?: readonly TracedWork[];
  readonly attributes?: Readonly<Record<string, string | number>>;
  /** What it failed with. */
  readonly error?: unknown;
}

/** The trace of one request. There is none where tracing is off: whoever would write to it finds nothing. */
export interface Trace {
  readonly traceId: string;
  readonly spanId: string;
  readonly context: TraceContext;
  /** Says more about the request itself. */
  describe(attributes: Readonly<Record<string, string | number>>): void;
  add(work: TracedWork): void;
}

const current = new AsyncLocalStorage<Trace>();

/** The trace of the request that the caller works for, if any. */
export function currentTrace(): Trace | undefined {
  return current.getStore();
}

export function withTrace<Result>(trace: Trace, work: () => Result): Result {
  return current.run(trace, work);
}

/** Now, in milliseconds since the epoch with their fractions: the same clock on every thread. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Does the work, and adds it to the request's trace where there is one. */
export async function traced<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  const trace = currentTrace();
  if (!trace) return work();
  const start = epochMs();
  try {
    const result = await work();
    trace.add({ name, start, end: epochMs() });
    return result;
  } catch (error) {
    trace.add({ name, start, end: epochMs(), error });
    throw error;
  }
}
