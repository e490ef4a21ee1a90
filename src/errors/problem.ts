import { z } from 'zod';
import { type DomainError, problems } from './domain-error.ts';

/** Problem details (RFC 9457) with the request ID as extension member. */
export const problemSchema = z
  .object({
    type: z.string().meta({ description: 'Stable name of the kind of problem', example: 'urn:face-api:problem:busy' }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().meta({ description: 'What went wrong and what to change' }),
    request_id: z.string(),
    current_version: z
      .object({ id: z.uuid(), number: z.int(), author: z.string() })
      .optional()
      .meta({ description: 'Only of version-conflict: the version on which a change must be based' }),
    claim: z
      .object({ by: z.string(), since: z.iso.datetime(), until: z.iso.datetime() })
      .optional()
      .meta({ description: 'Only of claimed: who works on the image' }),
  })
  .meta({ id: 'Problem' });

export type Problem = z.infer<typeof problemSchema>;

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

export function toProblem(error: DomainError, requestId: string): Problem {
  return {
    type: `urn:face-api:problem:${error.code.replaceAll('_', '-')}`,
    title: problems[error.code].title,
    status: error.status,
    detail: error.message,
    request_id: requestId,
    ...error.members,
  };
}
