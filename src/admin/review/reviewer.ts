import { hash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Reviewer as ReviewerValue } from '../../storage/review-archive.ts';

/** Parameter decorator: who reviews. With the one password, everyone has the same name: their sessions differ. */
export const Reviewer = createParamDecorator((_: unknown, context: ExecutionContext): ReviewerValue => {
  const { actor, session } = context.switchToHttp().getRequest<FastifyRequest>().admin!;
  const isShared = session !== null && session.account.name === null;
  return { actor, holder: isShared ? `${actor} ${hash('sha256', session.id)}` : actor };
});
