import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DomainError, ErrorCode } from '../errors/domain-error.ts';
import { PROBLEM_CONTENT_TYPE, toProblem } from '../errors/problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The problem that the request was answered with. */
    problem: ErrorCode | undefined;
  }
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: DomainError): FastifyReply {
  request.problem = error.code;
  return reply.code(error.status).headers(error.headers).type(PROBLEM_CONTENT_TYPE).send(toProblem(error, request.id));
}
