import { z } from 'zod';
import { parseOptions } from '../../http/upload.ts';
import type { BatchIntake } from '../batch-intake.ts';
import { assertFetching, urlFile } from '../sources/url-source.ts';

const bodySchema = z.looseObject({ urls: z.array(z.string()).default([]) });

/**
 * Hands the URLs in the JSON of a batch to the intake.
 * @returns the other members, as the fields of a form would be
 * @throws DomainError invalid_option, url_not_allowed, and the errors of the intake
 */
export async function readBatchJson(
  body: unknown,
  intake: BatchIntake,
  { fetches }: { readonly fetches: boolean },
): Promise<Record<string, string>> {
  const { urls, ...fields } = parseOptions(bodySchema, body);
  if (urls.length > 0) assertFetching(fetches);
  for (const url of urls) await intake.add(urlFile(url));
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}
