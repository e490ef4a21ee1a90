import { StandardSchemaValidationPipe } from '@nestjs/common';
import { DomainError } from '../errors/domain-error.ts';

/** Checks what a handler takes as `@Body({ schema })` or `@Query({ schema })`, and names every mistake. */
export function validationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues) =>
      new DomainError(
        'invalid_request',
        issues
          .map(({ path = [], message }) => {
            const name = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
            return name === '' ? message : `${name}: ${message}`;
          })
          .join('; '),
      ),
  });
}
