import type { IncomingHttpHeaders } from 'node:http';
import type { Trace, TraceContext, TracedWork } from './trace.ts';

/** A request's trace while the request runs. */
export interface RequestTrace extends Trace {
  end(status: number): void;
}

/** The trace of work that no request waits for, while it runs. */
export interface WorkTrace extends Trace {
  /** @param error if it failed */
  end(error?: unknown): void;
}

export interface RequestFacts {
  readonly method: string;
  /** Pattern of the route; '' if no route matches. */
  readonly route: string;
  readonly path: string;
  readonly scheme: string;
  readonly clientAddress: string;
  readonly requestId: string;
}

/** Creates the traces of requests. Also the injection token, whether tracing is on or off. */
export abstract class Tracing {
  abstract readonly isOn: boolean;

  /** @param headers may say which trace the request belongs to */
  abstract start(headers: IncomingHttpHeaders, facts: RequestFacts): RequestTrace | undefined;

  /** Adds work that was done for a request after its response, possibly by another process. */
  abstract addLater(context: TraceContext, work: TracedWork): void;

  /**
   * Starts a trace of its own for work that a request asked for, with a link to that request.
   * @returns undefined if the request was not sampled
   */
  abstract startLinked(
    name: string,
    request: TraceContext,
    attributes: Readonly<Record<string, string | number>>,
  ): WorkTrace | undefined;

  /** Sends the remaining spans. */
  abstract flush(): Promise<void>;
}

/** Without a collector, OpenTelemetry is not loaded. */
export class NoTracing extends Tracing {
  override readonly isOn = false;

  override start(): undefined {
    return undefined;
  }

  override startLinked(): undefined {
    return undefined;
  }

  override addLater(): void {
    // Tracing is off.
  }

  override flush(): Promise<void> {
    return Promise.resolve();
  }
}
