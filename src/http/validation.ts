import { StandardSchemaValidationPipe } from '@nestjs/common';
import { DomainError } from '../errors/domain-error.ts';
import { describeMistakes } from './mistakes.ts';

/** Checks what a handler takes as `@Body({ schema })` or `@Query({ schema })`, and names every mistake. */
export function validationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues) => new DomainError('invalid_request', describeMistakes(issues)),
  });
}
