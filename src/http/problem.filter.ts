import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
  ServiceUnavailableException,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import { sendProblem } from './send-problem.ts';
import { tooLarge, unsupportedType } from './bodies.ts';

/** Turns every error into a response of type application/problem+json, and logs unexpected errors. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  constructor(private readonly configuration: Configuration) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    if (thrown instanceof ServiceUnavailableException) {
      // Only health checks throw it, with their report, which is the response.
      void reply.code(503).send(thrown.getResponse());
      return;
    }
    const error = this.toDomainError(thrown, request);
    if (error.status === 500) this.logger.error({ err: error.cause ?? error, requestId: request.id }, error.message);
    if (reply.sent) return;
    void sendProblem(request, reply, error);
  }

  private toDomainError(thrown: unknown, request: FastifyRequest): DomainError {
    if (thrown instanceof DomainError) return thrown;
    const status = statusOf(thrown);
    if (status === 404) {
      return new DomainError(
        'not_found',
        `${request.method} ${request.url.split('?')[0] ?? ''} does not exist; see /docs`,
      );
    }
    if (status === 413) return tooLarge(this.configuration.limits.maxUploadBytes);
    if (status === 415) return unsupportedType(request);
    if (status >= 400 && status < 500) return new DomainError('invalid_request', messageOf(thrown), { cause: thrown });
    return new DomainError('internal', 'An unexpected error occurred. The log has the details under this request ID', {
      cause: thrown,
    });
  }
}

/** Nest's and Fastify's own errors carry a status. */
function statusOf(thrown: unknown): number {
  if (thrown instanceof HttpException) return thrown.getStatus();
  const status = (thrown as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : 500;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : 'The request is not valid';
}
