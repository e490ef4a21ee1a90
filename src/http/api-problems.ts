import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import { type ErrorCode, problems } from '../errors/domain-error.ts';
import { PROBLEM_CONTENT_TYPE } from '../errors/problem.ts';

/** Problems of every JSON body */
export const BODY_PROBLEMS = [
  'invalid_request',
  'invalid_option',
  'request_incomplete',
  'upload_too_large',
  'unsupported_content_type',
] as const satisfies ErrorCode[];

/** Describes the problems of a handler in the OpenAPI document, with one response per status. */
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
