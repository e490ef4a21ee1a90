import { AsyncLocalStorage } from 'node:async_hooks';

/** Context of a trace (W3C Trace Context); the spool stores it with the job. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** One span of a trace. Times in milliseconds since the epoch, with fractions. */
export interface TracedWork {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** Child spans. */
  readonly parts?: readonly TracedWork[];
  readonly attributes?: Readonly<Record<string, string | number>>;
  /** The error, if it failed. */
  readonly error?: unknown;
}

/** The trace of one request; does not exist if tracing is off. */
export interface Trace {
  readonly traceId: string;
  readonly spanId: string;
  readonly context: TraceContext;
  /** Adds attributes to the span of the request. */
  describe(attributes: Readonly<Record<string, string | number>>): void;
  add(work: TracedWork): void;
}

const current = new AsyncLocalStorage<Trace>();

/** The trace of the current request, if any. */
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

/** Runs the work, and adds it to the trace of the request if there is one. */
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
