import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import { type ErrorCode, problems } from '../errors/domain-error.ts';
import { PROBLEM_CONTENT_TYPE } from '../errors/problem.ts';

/** What can be wrong with a body of JSON, whatever it is for. */
export const BODY_PROBLEMS = [
  'invalid_request',
  'invalid_option',
  'request_incomplete',
  'upload_too_large',
  'unsupported_content_type',
] as const satisfies ErrorCode[];

/** Describes the ways in which a handler fails, one answer for each status. */
export function ApiProblems(...codes: ErrorCode[]): MethodDecorator & ClassDecorator {
  const statuses = [...new Set(codes.map((code) => problems[code].status))];
  return applyDecorators(
    ...statuses.map((status) => {
      const titles = codes.filter((code) => problems[code].status === status).map((code) => problems[code].title);
      return ApiResponse({
        status,
        description: [...new Set(titles)].join('; '),
        content: { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
        ...(status === 503 && {
          headers: {
            'Retry-After': { schema: { type: 'integer' }, description: 'Seconds to wait before trying again' },
          },
        }),
      });
    }),
  );
}
