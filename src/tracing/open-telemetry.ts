import type { IncomingHttpHeaders } from 'node:http';
import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from '@opentelemetry/api';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { Logger } from '@nestjs/common';
import type { Configuration } from '../config/configuration.ts';
import { reasonOf } from '../errors/reason.ts';
import { VERSION } from '../version.ts';
import type { Trace, TraceContext, TracedWork } from './trace.ts';
import { type RequestFacts, type RequestTrace, Tracing, type WorkTrace } from './tracing.ts';

const SEND_EVERY_MS = 1000;
const EXPORT_TIMEOUT_MS = 10_000;
/** Limit for sending the remaining spans at shutdown, within the grace time of the service. */
const FLUSH_TIMEOUT_MS = 5000;
/** Minimum interval between warnings about an unavailable collector. */
const COMPLAIN_EVERY_MS = 60_000;

/**
 * Sends traces to a collector with OTLP over HTTP, in batches, in the background. Spans that an unavailable collector does not
 * accept are dropped: at most 2,048 spans are queued.
 */
export class OpenTelemetryTracing extends Tracing {
  override readonly isOn = true;
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #propagator = new W3CTraceContextPropagator();

  constructor({ endpoint, headers, serviceName, ratio }: Configuration['tracing'], role: string) {
    super();
    warnAtIntervals();
    const exporter = new OTLPTraceExporter({
      url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
      headers: Object.fromEntries(headers),
      timeoutMillis: EXPORT_TIMEOUT_MS,
    });
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({
        'service.name': serviceName,
        'service.version': VERSION,
        'face_api.role': role,
      }),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
      spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: SEND_EVERY_MS })],
    });
    this.#tracer = this.#provider.getTracer('face-api', VERSION);
  }

  override start(headers: IncomingHttpHeaders, facts: RequestFacts): RequestTrace {
    const parent = this.#propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
    const span = this.#tracer.startSpan(
      `${facts.method} ${facts.route}`.trim(),
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': facts.method,
          'http.route': facts.route,
          'url.path': facts.path,
          'url.scheme': facts.scheme,
          'client.address': facts.clientAddress,
          'face_api.request_id': facts.requestId,
        },
      },
      parent,
    );
    return {
      ...this.#traceOf(span, trace.setSpan(parent, span)),
      end: (status) => {
        span.setAttribute('http.response.status_code', status);
        // By the conventions for HTTP spans, client errors are not errors of the server.
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      },
    };
  }

  override startLinked(
    name: string,
    request: TraceContext,
    attributes: Readonly<Record<string, string | number>>,
  ): WorkTrace | undefined {
    const context = trace.getSpanContext(this.#propagator.extract(ROOT_CONTEXT, request, defaultTextMapGetter));
    if (!context || (context.traceFlags & TraceFlags.SAMPLED) === 0) return undefined;
    const span = this.#tracer.startSpan(
      name,
      { kind: SpanKind.CONSUMER, attributes: { ...attributes }, links: [{ context }] },
      ROOT_CONTEXT,
    );
    return {
      ...this.#traceOf(span, trace.setSpan(ROOT_CONTEXT, span)),
      end: (error) => {
        if (error !== undefined) fail(span, error);
        span.end();
      },
    };
  }

  override addLater(context: TraceContext, work: TracedWork): void {
    this.#add(this.#propagator.extract(ROOT_CONTEXT, context, defaultTextMapGetter), work);
  }

  override async flush(): Promise<void> {
    // An unavailable collector must not delay the shutdown; a warning was logged before.
    await this.#provider.forceFlush({ timeoutMillis: FLUSH_TIMEOUT_MS }).catch(() => undefined);
  }

  #traceOf(span: Span, context: Context): Trace {
    const { traceId, spanId } = span.spanContext();
    return {
      traceId,
      spanId,
      context: this.#carrierOf(context),
      describe: (attributes) => span.setAttributes({ ...attributes }),
      add: (work) => {
        this.#add(context, work);
      },
    };
  }

  #add(parent: Context, { name, start, end, parts = [], attributes = {}, error }: TracedWork): void {
    const span = this.#tracer.startSpan(name, { startTime: start, attributes: { ...attributes } }, parent);
    const inside = trace.setSpan(parent, span);
    for (const part of parts) this.#add(inside, part);
    if (error !== undefined) fail(span, error);
    span.end(end);
  }

  #carrierOf(context: Context): TraceContext {
    const carrier: Record<string, string> = {};
    this.#propagator.inject(context, carrier, defaultTextMapSetter);
    return carrier as unknown as TraceContext;
  }
}

function fail(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: reasonOf(error) });
  span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
}

/** The library itself would be silent or warn for every batch. */
function warnAtIntervals(): void {
  const logger = new Logger('Tracing');
  let quietUntil = 0;
  setGlobalErrorHandler((error) => {
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + COMPLAIN_EVERY_MS;
    logger.warn({ err: error }, 'Traces cannot be sent to the collector and are dropped');
  });
}
