import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DomainError } from '../errors/domain-error.ts';
import { PROBLEM_CONTENT_TYPE, toProblem } from '../errors/problem.ts';

export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: DomainError): FastifyReply {
  request.context.problem = error.code;
  return reply.code(error.status).headers(error.headers).type(PROBLEM_CONTENT_TYPE).send(toProblem(error, request.id));
}
