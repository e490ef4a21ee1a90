import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DomainError } from '../errors/domain-error.ts';
import { PROBLEM_CONTENT_TYPE, toProblem } from '../errors/problem.ts';

export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: DomainError): FastifyReply {
  request.context.problem = error.code;
  return writeProblem(request.id, reply, error);
}

/** For requests without a context, because no hook ran for them. */
export function writeProblem(requestId: string, reply: FastifyReply, error: DomainError): FastifyReply {
  return reply.code(error.status).headers(error.headers).type(PROBLEM_CONTENT_TYPE).send(toProblem(error, requestId));
}
