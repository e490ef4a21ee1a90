import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Options } from 'pino-http';
import { currentTrace } from '../tracing/trace.ts';
import type { Configuration } from '../config/configuration.ts';

type IdentifiedRequest = IncomingMessage & { id?: unknown };

/** One line per request with its path and status, never a header or a body. */
export function loggerOptions({ level, format }: Configuration['logging']): Options {
  const pretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  return {
    level,
    ...(pretty && { transport: { target: 'pino-pretty', options: { singleLine: true, ignore: 'pid,hostname' } } }),
    mixin: traceIds,
    formatters: { level: (label) => ({ level: label }) },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    autoLogging: { ignore: ({ url }) => /^\/(health|metrics|docs)/.test(url ?? '') },
    customLogLevel: (_request, response, error) =>
      error || response.statusCode >= 500 ? 'error' : response.statusCode >= 400 ? 'warn' : 'info',
    serializers: {
      req: ({ id, method, url }: IdentifiedRequest) => ({ id, method, path: url?.split('?')[0] }),
      res: ({ statusCode }: ServerResponse) => ({ status: statusCode }),
    },
  };
}

/** Adds the IDs of the trace to the log lines of a traced request. */
function traceIds(): object {
  const trace = currentTrace();
  return trace ? { trace_id: trace.traceId, span_id: trace.spanId } : {};
}
