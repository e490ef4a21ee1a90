import { rm } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../src/admin/access/password.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { CLIENT, type IdentityProvider, startIdentityProvider } from './fixtures/identity-provider.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { expectAccessible, hasBrowser, inEachLook, screenshot, settled, visit } from './support/browser.ts';
import { openBrowser } from './support/chromium.ts';
import { login, PASSWORD } from './support/operator.ts';
import { type Environment, expectProblem, type Service, startService } from './support/service.ts';

/** Logins with OpenID Connect: a real provider, and a real browser that goes there and back. */

const GROUPS = { anna: ['staff', 'photo desk'], ben: ['staff', 'photo desk', 'it'], carl: ['canteen'] };

let provider: IdentityProvider;
let settings: Environment;
beforeAll(async () => {
  provider = await startIdentityProvider(GROUPS);
  settings = {
    FACE_API_ROLE: 'admin',
    FACE_API_OPENID_ISSUER: provider.issuer,
    FACE_API_OPENID_CLIENT_ID: CLIENT.id,
    FACE_API_OPENID_CLIENT_SECRET: CLIENT.secret,
    FACE_API_OPENID_ROLES: 'photo desk=reviewer,it=admin',
    FACE_API_OPENID_LABEL: 'The Newspaper',
  };
});
afterAll(() => provider.stop());

const sessionPath = '/api/v1/admin/session';

async function withService<Result>(
  work: (service: Service) => Promise<Result>,
  changed: Environment = {},
): Promise<Result> {
  const service = await startService({ ...settings, ...changed });
  try {
    return await work(service);
  } finally {
    await service.close();
  }
}

describe('the start of a login', () => {
  it('goes to the provider with a challenge, and leads only to pages of the console', async () => {
    await withService(async ({ url }) => {
      const response = await fetch(`${url}/api/v1/admin/openid?next=/admin/jobs`, { redirect: 'manual' });
      expect(response.status).toBe(302);
      const target = new URL(response.headers.get('location')!);
      expect(target.origin).toBe(provider.issuer);
      expect(Object.fromEntries(target.searchParams)).toMatchObject({
        response_type: 'code',
        code_challenge_method: 'S256',
        redirect_uri: `${url}/api/v1/admin/openid/callback`,
      });
      expect(response.headers.getSetCookie()[0]).toMatch(/HttpOnly; SameSite=Lax/);
      for (const next of ['https://evil.example/admin', '//evil.example/admin', '/api/v1/detect', '/administrator']) {
        const refusal = await fetch(`${url}/api/v1/admin/openid?${new URLSearchParams({ next }).toString()}`);
        await expectProblem(refusal, 400, 'invalid-request');
      }
    });
  });

  it('is not found where no provider is configured', async () => {
    await withService(
      async ({ url }) => {
        await expectProblem(await fetch(`${url}/api/v1/admin/openid`), 404, 'not-found');
        expect(await (await fetch(`${url}/api/v1/admin/login`)).json()).toMatchObject({ openid: null });
      },
      { FACE_API_OPENID_ISSUER: '' },
    );
  });
});

describe('the return from the provider', () => {
  const returnWith = (url: string, query: string, cookie?: string) =>
    fetch(`${url}/api/v1/admin/openid/callback?${query}`, {
      redirect: 'manual',
      ...(cookie && { headers: { cookie } }),
    });
  const started = async (url: string) => {
    const response = await fetch(`${url}/api/v1/admin/openid`, { redirect: 'manual' });
    const state = new URL(response.headers.get('location')!).searchParams.get('state')!;
    return { state, cookie: response.headers.getSetCookie()[0]!.split(';')[0]! };
  };

  it('is refused to a browser that did not start the login', async () => {
    await withService(async ({ url }) => {
      const one = await started(url);
      const other = await started(url);
      const wrong = [
        await returnWith(url, `code=x&state=${one.state}`),
        await returnWith(url, `code=x&state=${one.state}`, other.cookie),
        await returnWith(url, `code=x&state=${one.state}`, 'face_api_openid=eyJ9'),
      ];
      for (const response of wrong) {
        expect(response.headers.get('location')).toBe('/admin/login?failed=expired');
        expect(response.headers.getSetCookie().join()).not.toContain('session');
      }
    });
  });

  it('opens no session with a code that the provider did not give', async () => {
    await withService(async ({ url }) => {
      const { state, cookie } = await started(url);
      const iss = encodeURIComponent(provider.issuer);
      const invented = await returnWith(url, `code=invented&state=${state}&iss=${iss}`, cookie);
      expect(invented.headers.get('location')).toBe('/admin/login?failed=provider');
      const denied = await returnWith(url, `error=access_denied&state=${state}&iss=${iss}`, cookie);
      expect(denied.headers.get('location')).toBe('/admin/login?failed=denied');
    });
  });

  it('is limited in number', async () => {
    await withService(async ({ url }) => {
      for (let count = 0; count < 10; count++) await returnWith(url, 'code=x&state=y');
      await expectProblem(await returnWith(url, 'code=x&state=y'), 429, 'too-many-requests');
    });
  });
});

it('refuses passwords where there are none, and takes them beside the provider where there are', async () => {
  await withService(async ({ url }) => {
    expect(await (await fetch(`${url}/api/v1/admin/login`)).json()).toEqual({
      has_passwords: false,
      has_names: true,
      openid: { label: 'The Newspaper' },
    });
    await expectProblem(await login(url), 401, 'unauthorized');
  });
  await withService(
    async ({ url }) => {
      expect((await login(url)).status).toBe(200);
    },
    {
      FACE_API_ADMIN_PASSWORD_HASH: await hashPassword(PASSWORD),
    },
  );
});

describe.skipIf(!hasBrowser)('in the browser', () => {
  let browser: Browser;
  let database: TestDatabase;
  let folder: string;
  let stored: Environment;
  beforeAll(async () => {
    [browser, database, folder] = await Promise.all([openBrowser(), createTestDatabase(), makeDataFolder('openid')]);
    stored = { FACE_API_STORAGE_ENABLED: 'true', FACE_API_DATA_FOLDER: folder, DATABASE_URL: database.url };
  });
  afterAll(async () => {
    await Promise.all([browser.close(), database.close()]);
    await rm(folder, { recursive: true });
  });

  async function signInAs(page: Page, name: string, at = '/admin'): Promise<void> {
    await page.goto(at);
    await page.getByRole('link', { name: 'Sign in with The Newspaper' }).click();
    await page.locator('input[name=login]').fill(name);
    await page.locator('input[name=password]').fill('any');
    await page.getByRole('button').first().click();
    await page.getByRole('button', { name: 'Continue' }).click();
  }

  const sessionOf = (page: Page) =>
    page.evaluate<{ actor: string; user_role: string }>(`fetch('${sessionPath}').then((answer) => answer.json())`);

  it('a person comes back to the page they wanted, with the role of their group', async () => {
    await withService(async ({ url }) => {
      const { page, leave } = await visit(browser, url);
      await signInAs(page, 'anna', '/admin/images?order=oldest');
      await page.waitForURL('**/admin/images?order=oldest');
      await settled(page);
      expect(await sessionOf(page)).toMatchObject({ actor: 'openid:anna', user_role: 'reviewer' });
      const erasure = await page.evaluate<number>(
        `fetch('/api/v1/admin/reconciliation', { method: 'POST' }).then(({ status }) => status)`,
      );
      expect(erasure).toBe(403);
      await leave();
    }, stored);
  });

  it('the highest role of all groups counts; a person in none is told so', async () => {
    await withService(async ({ url }) => {
      const ben = await visit(browser, url);
      await signInAs(ben.page, 'ben');
      await ben.page.waitForURL(/\/admin\/?$/);
      expect(await sessionOf(ben.page)).toMatchObject({ actor: 'openid:ben', user_role: 'admin' });
      await ben.leave();
      const carl = await visit(browser, url);
      await signInAs(carl.page, 'carl');
      await carl.page.getByText('Your account is in none of the groups').waitFor();
      expect((await carl.page.context().cookies(url)).map(({ name }) => name)).not.toContain('face_api_session');
      await carl.leave();
    }, stored);
  });

  it('sessions outlast a restart, and end with the role they were opened for', async () => {
    const visitor = await withService(async ({ url }) => {
      const { page } = await visit(browser, url);
      await signInAs(page, 'anna');
      await page.waitForURL(/\/admin\/?$/);
      return (await page.context().cookies(url)).find(({ name }) => name === 'face_api_session')!.value;
    }, stored);
    const headers = { cookie: `face_api_session=${visitor}` };
    const statusAfter = (changed: Environment) =>
      withService(async ({ url }) => (await fetch(`${url}${sessionPath}`, { headers })).status, {
        ...stored,
        ...changed,
      });
    expect(await statusAfter({})).toBe(200);
    expect(await statusAfter({ FACE_API_OPENID_ROLES: 'photo desk=viewer,it=admin' })).toBe(401);
    expect(await statusAfter({ FACE_API_OPENID_ISSUER: '', FACE_API_OPENID_CLIENT_ID: '' })).toBe(401);
  });

  it('a provider that is away is told, and found again without a restart', async () => {
    await withService(async ({ url }) => {
      await provider.stop();
      const { page, leave } = await visit(browser, url);
      await page.goto('/admin');
      await page.getByRole('link', { name: 'Sign in with The Newspaper' }).click();
      await page.getByText('The identity provider cannot be reached').waitFor();
      await inEachLook(page, async (scheme, width) => {
        await expectAccessible(page, `login with a provider, ${scheme}, ${width}`);
        await screenshot(page, `login-openid-${scheme}-${width}`);
      });
      await provider.start();
      await signInAs(page, 'anna');
      await page.waitForURL(/\/admin\/?$/);
      await leave();
    }, stored);
  });
});
