import type { IncomingHttpHeaders } from 'node:http';
import type { Trace, TraceContext, TracedWork } from './trace.ts';

/** A request's trace while the request runs. */
export interface RequestTrace extends Trace {
  end(status: number): void;
}

export interface RequestFacts {
  readonly method: string;
  /** The route's pattern; '' where there is none. */
  readonly route: string;
  readonly path: string;
  readonly scheme: string;
  readonly clientAddress: string;
  readonly requestId: string;
}

/** Gives requests their traces. Also the token it is injected by, whether tracing is on or off. */
export abstract class Tracing {
  abstract readonly isOn: boolean;

  /** @param headers may say which trace the request belongs to */
  abstract start(headers: IncomingHttpHeaders, facts: RequestFacts): RequestTrace | undefined;

  /** Work that is done for a request after its answer, perhaps by another process. */
  abstract addLater(context: TraceContext, work: TracedWork): void;

  /** Sends what has not been sent yet. */
  abstract flush(): Promise<void>;
}

/** No collector is configured: nothing of OpenTelemetry is even loaded. */
export class NoTracing extends Tracing {
  override readonly isOn = false;

  override start(): undefined {
    return undefined;
  }

  override addLater(): void {
    // Nobody asked for it.
  }

  override flush(): Promise<void> {
    return Promise.resolve();
  }
}
