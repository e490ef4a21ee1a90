import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Options } from 'pino-http';
import { currentTrace } from '../tracing/trace.ts';
import type { Configuration } from '../config/configuration.ts';

/** Under overload, such lines are many, and nothing is wrong with the service. */
const BUSY = 503;

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
    customLogLevel: (_request, { statusCode }, error) => {
      if (error || (statusCode >= 500 && statusCode !== BUSY)) return 'error';
      return statusCode >= 400 ? 'warn' : 'info';
    },
    customErrorObject: (_request, _response, error, line: object) =>
      isMadeUp(error) ? { ...line, err: undefined } : line,
    customErrorMessage: (_request, { statusCode }) => (statusCode === BUSY ? 'request rejected' : 'request failed'),
    serializers: {
      req: ({ id, method, url }: IdentifiedRequest) => ({ id, method, path: url?.split('?')[0] }),
      res: ({ statusCode }: ServerResponse) => ({ status: statusCode }),
    },
  };
}

/** By pino-http, for each status from 500, with a stack of its own. What really failed has its own line. */
function isMadeUp({ message }: Error): boolean {
  return message.startsWith('failed with status code ');
}

/** Adds the IDs of the trace to the log lines of a traced request. */
function traceIds(): object {
  const trace = currentTrace();
  return trace ? { trace_id: trace.traceId, span_id: trace.spanId } : {};
}
