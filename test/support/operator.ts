import { hashPassword } from '../../src/admin/access/password.ts';
import type { Environment } from './service-process.ts';

/** An operator as the tests have one: a password, and what a browser sends along. */

export const PASSWORD = 'correct horse battery staple';
export const TOKEN = 'a-token-for-programs-0123456789';

/** What makes a service that this operator can log in to. */
export async function operatorSettings(): Promise<Environment> {
  return {
    FACE_API_ADMIN_PASSWORD_HASH: await hashPassword(PASSWORD),
    FACE_API_ADMIN_TOKENS: `robot:${TOKEN}`,
  };
}

/** As a browser says it of a request from the service's own pages. */
export const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin' };

export function login(
  url: string,
  password: string = PASSWORD,
  headers: Readonly<Record<string, string>> = SAME_ORIGIN,
  name?: string,
): Promise<Response> {
  return fetch(`${url}/api/v1/admin/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ name, password }),
  });
}

/** The cookie that an answer sets, as a browser sends it back; null where it sets none. */
export function cookieOf(response: Response): string | null {
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? null;
}

/** Logs in, and gives the headers of a page's own requests. */
export async function loggedIn(
  url: string,
  { name, password }: { readonly name?: string; readonly password?: string } = {},
): Promise<Record<string, string>> {
  const response = await login(url, password, SAME_ORIGIN, name);
  const cookie = cookieOf(response);
  if (!response.ok || cookie === null) throw new Error(`the login failed with ${response.status}`);
  return { ...SAME_ORIGIN, cookie };
}

export const bearer = { authorization: `Bearer ${TOKEN}` };
