import { z } from 'zod';
import { DomainError } from '../../errors/domain-error.ts';

export const MAX_MESSAGE_LENGTH = 2000;
/** Positions of each slider of the page */
export const STEPS = 1000;

const share = z.coerce
  .number()
  .min(0)
  .max(STEPS)
  .transform((value) => value / STEPS);

const reportSchema = z
  .object({
    /** Shares of the width and of the height */
    x: share.optional(),
    y: share.optional(),
    message: z.string().trim().max(MAX_MESSAGE_LENGTH).default(''),
  })
  .refine(({ x, y, message }) => (x !== undefined && y !== undefined) || message !== '');

export type ReportForm = z.infer<typeof reportSchema>;

/** @throws DomainError invalid_request */
export function readReport(body: unknown): ReportForm {
  const parsed = reportSchema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  throw new DomainError(
    'invalid_request',
    `Point at a face in the photo, or write a message of up to ${MAX_MESSAGE_LENGTH} characters`,
  );
}
