import type { JobPage } from '../../src/admin/kept/schemas.ts';
import { type Environment, type Service, startService, until } from './service.ts';

const SECRET = 'admin-secret-0123456789';

/** What lets `asAdmin` in. */
export const ADMIN_ENVIRONMENT: Environment = { FACE_API_ADMIN_TOKENS: `robot:${SECRET}` };

export function startAdminService(environment: Environment = {}): Promise<Service> {
  return startService({ ...ADMIN_ENVIRONMENT, ...environment });
}

/** A request to the console's API as a program makes it. */
export function asAdmin(
  { url }: Pick<Service, 'url'>,
  path: string,
  { method = 'GET', body, headers = {} }: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(`${url}/api/v1/admin${path}`, {
    method,
    headers: {
      authorization: `Bearer ${SECRET}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
}

export async function readJson<Body>(answer: Promise<Response>): Promise<Body> {
  const response = await answer;
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text}`);
  return JSON.parse(text) as Body;
}

/** The job of an answered request, once it is stored. */
export async function storedJob(
  service: Pick<Service, 'url'>,
  { headers }: Response,
): Promise<JobPage['rows'][number]> {
  const path = `/jobs?request_id=${headers.get('x-request-id')!}`;
  return until(async () => (await readJson<JobPage>(asAdmin(service, path))).rows[0] ?? false);
}
