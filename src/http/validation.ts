import { StandardSchemaValidationPipe } from '@nestjs/common';
import { DomainError } from '../errors/domain-error.ts';
import { describeMistakes } from './mistakes.ts';
import { useOwnMessages } from './validation-messages.ts';

/** Validates `@Body({ schema })` and `@Query({ schema })`. The error names every mistake. */
export function validationPipe(): StandardSchemaValidationPipe {
  useOwnMessages();
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues) => new DomainError('invalid_request', describeMistakes(issues)),
  });
}
