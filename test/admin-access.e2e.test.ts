import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildOpenApiDocument } from '../src/openapi-document.ts';
import { bearer, cookieOf, loggedIn, login, operatorSettings, PASSWORD, SAME_ORIGIN } from './support/operator.ts';
import { expectProblem, RawClient, type Service, startService, until } from './support/service.ts';

const SESSION = '/api/v1/admin/session';
const MINUTE_MS = 60_000;

/** A console as a build leaves it, in little. */
function buildConsole(): string {
  const folder = mkdtempSync(join(tmpdir(), 'face-api-console-'));
  for (const [path, content] of Object.entries({
    'index.html':
      '<!doctype html><title>App</title><script>start("app")</script><script src="/admin/_app/a.js"></script>',
    '_app/immutable/start.abc.js': 'export {};',
    '_app/version.json': '{}',
    'login/index.html':
      '<!doctype html><title>Login</title><script type="module" src="/admin/login/assets/l.js"></script>',
    'login/assets/l.js': 'export {};',
  })) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  writeFileSync(join(folder, '..', 'face-api-outside.txt'), 'not of the console');
  return folder;
}

const folder = buildConsole();
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let service: Service;
const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(service.url + path, { headers, redirect: 'manual' });

beforeAll(async () => {
  service = await startService(await operatorSettings(), folder);
});
afterAll(() => service.close());
afterEach(() => {
  vi.useRealTimers();
});

/** All that the console's API offers, as its document lists it. */
function adminRoutes(): { method: string; path: string }[] {
  return Object.entries(buildOpenApiDocument(service.app).paths)
    .filter(([path]) => path.startsWith('/api/v1/admin/'))
    .flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => ({
        method: method.toUpperCase(),
        path: path.replaceAll(/\{number\}/g, '1').replaceAll(/\{\w+\}/g, '0190a0b0-0000-7000-8000-000000000000'),
      })),
    );
}

describe('a login', () => {
  it('opens a session by a cookie that no script reads and no other site sends', async () => {
    const response = await login(service.url);

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ actor: 'console', storage: 'off', role: 'all' });
    const [cookie] = response.headers.getSetCookie();
    expect(cookie).toMatch(/^face_api_session=[\w-]{43};/);
    expect(cookie).toMatch(/; HttpOnly/);
    expect(cookie).toMatch(/; SameSite=Strict/);
    expect(cookie).toMatch(/; Path=\/;/);
    expect(cookie).not.toMatch(/Secure|Domain/);
    expect((await get(SESSION, { cookie: cookieOf(response)! })).status).toBe(200);
  });

  it.each([['wrong'], [''], [`${PASSWORD} `], ['a'.repeat(257)]])('with the password %j: refused', async (password) => {
    const response = await login(service.url, password);

    expect([400, 401]).toContain(response.status);
    expect(response.headers.getSetCookie()).toEqual([]);
  });

  it('with anything but a password: 400, and says what it wants', async () => {
    const response = await fetch(service.url + SESSION, {
      method: 'POST',
      headers: { ...SAME_ORIGIN, 'content-type': 'application/json' },
      body: JSON.stringify({ user: 'admin' }),
    });

    expect((await expectProblem(response, 400, 'invalid-request')).detail).toContain('password');
  });

  it('gives a new id, whatever id the browser came with: a planted one opens nothing', async () => {
    const planted = 'face_api_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    const response = await login(service.url, PASSWORD, { ...SAME_ORIGIN, cookie: planted });

    expect(cookieOf(response)).not.toBe(planted);
    expect((await get(SESSION, { cookie: planted })).status).toBe(401);
  });

  it('ends the session that the browser had before', async () => {
    const before = await loggedIn(service.url);
    const response = await login(service.url, PASSWORD, before);

    expect(cookieOf(response)).not.toBe(before['cookie']);
    expect((await get(SESSION, before)).status).toBe(401);
    expect((await get(SESSION, { cookie: cookieOf(response)! })).status).toBe(200);
  });
});

describe('a session', () => {
  it('ends at the logout, on the server too', async () => {
    const session = await loggedIn(service.url);
    const response = await fetch(service.url + SESSION, { method: 'DELETE', headers: session });

    expect(response.status).toBe(204);
    expect(response.headers.getSetCookie()[0]).toMatch(/^face_api_session=;.*Expires=Thu, 01 Jan 1970/);
    await expectProblem(await get(SESSION, session), 401, 'unauthorized');
  });

  it('ends an hour after its last request', async () => {
    const now = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now });
    const session = await loggedIn(service.url);
    for (const minutes of [50, 100, 150]) {
      vi.setSystemTime(now + minutes * MINUTE_MS);
      expect((await get(SESSION, session)).status).toBe(200);
    }
    vi.setSystemTime(now + 211 * MINUTE_MS);
    expect((await get(SESSION, session)).status).toBe(401);
    vi.setSystemTime(now);
    expect((await get(SESSION, session)).status, 'and does not come back').toBe(401);
  });

  it('is not kept from its end by a page that asks by itself while nobody is there', async () => {
    const now = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now });
    const session = await loggedIn(service.url);
    for (const minutes of [20, 40, 59]) {
      vi.setSystemTime(now + minutes * MINUTE_MS);
      expect((await get(SESSION, { ...session, 'x-idle': 'true' })).status).toBe(200);
    }
    vi.setSystemTime(now + 61 * MINUTE_MS);
    expect((await get(SESSION, session)).status).toBe(401);
  });

  it('ends twelve hours after the login, used or not', async () => {
    const now = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now });
    const session = await loggedIn(service.url);
    for (let minutes = 0; minutes < 12 * 60 - 1; minutes += 40) {
      vi.setSystemTime(now + minutes * MINUTE_MS);
      expect((await get(SESSION, session)).status).toBe(200);
    }
    vi.setSystemTime(now + 12 * 60 * MINUTE_MS + 1000);
    expect((await get(SESSION, session)).status).toBe(401);
  });

  it('is not opened by a cookie that was made up or altered', async () => {
    const { cookie } = await loggedIn(service.url);
    const altered = cookie!.slice(0, -1) + (cookie!.endsWith('A') ? 'B' : 'A');
    for (const forged of [
      altered,
      cookie!.slice(0, -1),
      `${cookie!}A`,
      'face_api_session=',
      'face_api_session=%00',
      'face_api_session=undefined',
    ]) {
      expect({ forged, status: (await get(SESSION, { cookie: forged })).status }).toEqual({ forged, status: 401 });
    }
  });
});

describe('requests from another site', () => {
  const foreign = [
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a neighboring host', { 'sec-fetch-site': 'same-site', origin: 'http://other.localhost' }],
    ['a browser without Sec-Fetch-Site', { origin: 'https://evil.example' }],
    ['a sandboxed frame', { origin: 'null' }],
    ['somebody who says nothing', {}],
  ] as const;

  it.each(foreign)('change nothing, by any route: %s', async (_, headers) => {
    const { cookie } = await loggedIn(service.url);
    const changing = adminRoutes().filter(({ method }) => method !== 'GET');
    expect(changing.length).toBeGreaterThan(0);
    for (const { method, path } of changing) {
      const login = path === SESSION && method === 'POST';
      const response = await fetch(service.url + path, {
        method,
        headers: { cookie: cookie!, ...headers, ...(method !== 'DELETE' && { 'content-type': 'application/json' }) },
        ...(method !== 'DELETE' && { body: login ? JSON.stringify({ password: PASSWORD }) : '{}' }),
      });
      await expectProblem(response, 403, 'foreign-origin');
      expect(response.headers.getSetCookie()).toEqual([]);
    }
    expect((await get(SESSION, { cookie: cookie! })).status, 'the session goes on').toBe(200);
  });

  it('are told from those of a browser that sends its own origin alone', async () => {
    const { cookie } = await loggedIn(service.url);
    const own = { cookie: cookie!, origin: service.url };
    expect((await fetch(service.url + SESSION, { method: 'DELETE', headers: own })).status).toBe(204);
  });

  it('are not let in by the answer: no header of CORS is given', async () => {
    const response = await get(SESSION, { origin: 'https://evil.example' });
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('without a session', () => {
  it('every route of the API answers 401, before a body is read', async () => {
    const routes = adminRoutes().filter(
      ({ method, path }) => !/\/(login|openid(\/callback)?)$/.test(path) && !(path === SESSION && method === 'POST'),
    );
    for (const { method, path } of routes) {
      const response = await fetch(service.url + path, { method, headers: SAME_ORIGIN });
      await expectProblem(response, 401, 'unauthorized');
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
    }
    const client = await RawClient.connect(service.port);
    client.socket.write(`DELETE ${SESSION} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n`);
    expect(await client.statusLine()).toBe('HTTP/1.1 401 Unauthorized');
    client.hangUp();
  });

  it.each(['/%61pi/v1/admin/session', '/api/v1/%61dmin/session', '/api/v1/admin/%73ession'])(
    'the API answers 401 however its address is written: %s',
    async (path) => {
      await expectProblem(await get(path), 401, 'unauthorized');
    },
  );

  it.each(['/admin', '/admin/', '/admin/jobs', '/admin/jobs?status=failed&x=%22', '/admin/images/0190a0b0'])(
    'the page %s leads to the login, and back',
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(303);
      expect(response.headers.get('location')).toBe(`/admin/login?${new URLSearchParams({ next: path }).toString()}`);
      expect(await response.text()).toBe('');
    },
  );

  it('no file of the console is served but those of the login page', async () => {
    for (const path of [
      '/admin/_app/immutable/start.abc.js',
      '/admin/_app/version.json',
      '/admin/index.html',
      '/admin/%69ndex.html',
    ]) {
      const response = await get(path);
      expect({ path, isServed: response.status === 200 }).toEqual({ path, isServed: false });
    }
    for (const path of ['/admin/login', '/admin/login/', '/admin/login/index.html', '/admin/login/assets/l.js']) {
      expect({ path, status: (await get(path)).status }).toEqual({ path, status: 200 });
    }
  });
});

const BUILT = fileURLToPath(new URL('../admin/build', import.meta.url));

describe.skipIf(!existsSync(BUILT))('the console as it is built', () => {
  it('gives no file without a session but those of the login page, and every file with one', async () => {
    const built = await startService(await operatorSettings());
    try {
      const session = await loggedIn(built.url);
      const files = readdirSync(BUILT, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      expect(files.length).toBeGreaterThan(20);
      for (const { parentPath, name } of files) {
        const path = `/admin/${relative(BUILT, join(parentPath, name)).split(sep).join('/')}`;
        const isLogin = path.startsWith('/admin/login/');
        const [open, closed] = await Promise.all(
          [{}, session].map(async (headers) => {
            const response = await fetch(built.url + path, { headers, redirect: 'manual' });
            await response.arrayBuffer();
            return response.status;
          }),
        );
        expect({ path, open, closed }).toEqual({
          path,
          open: isLogin ? 200 : path === '/admin/index.html' ? 303 : 401,
          closed: 200,
        });
      }
    } finally {
      await built.close();
    }
  });
});

describe('the console', () => {
  it('serves its files and, at every other address, its page', async () => {
    const session = await loggedIn(service.url);
    const script = await get('/admin/_app/immutable/start.abc.js', session);
    expect(script.headers.get('content-type')).toMatch(/javascript/);
    expect(script.headers.get('cache-control')).toContain('immutable');
    for (const path of ['/admin', '/admin/jobs', '/admin/images/x']) {
      const page = await get(path, session);
      expect(page.headers.get('content-type')).toMatch(/^text\/html/);
      expect(page.headers.get('cache-control')).toBe('no-store');
      expect(await page.text()).toContain('<title>App</title>');
    }
    await expectProblem(await get('/admin/_app/missing.js', session), 404, 'not-found');
  });

  it.each([
    '/admin/../face-api-outside.txt',
    '/admin/%2e%2e/face-api-outside.txt',
    '/admin/..%2fface-api-outside.txt',
    '/admin/%252e%252e%252fface-api-outside.txt',
    '/admin/..%5cface-api-outside.txt',
    '/admin/login/..%2f..%2fface-api-outside.txt',
    '/admin/login/%2e%2e/%2e%2e/face-api-outside.txt',
    '/admin//etc/passwd',
    '/admin/%00/index.html',
    '/admin/login/assets/l.js%00.html',
  ])('leads nowhere else: %s', async (path) => {
    const { cookie } = await loggedIn(service.url);
    // By hand: fetch would tidy the path up.
    for (const line of [`cookie: ${cookie!}\r\n`, '']) {
      const client = await RawClient.connect(service.port);
      client.socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n${line}connection: close\r\n\r\n`);
      await until(() => client.isClosed);
      expect(client.received).not.toContain('not of the console');
      expect(client.received).not.toContain('root:');
      if (line === '') expect(client.received).not.toMatch(/<title>App/);
    }
  });

  it('lets pages run nothing but their own files, from no other host', async () => {
    const session = await loggedIn(service.url);
    for (const path of ['/admin', '/admin/login']) {
      const headers = (await get(path, session)).headers;
      const policy = headers.get('content-security-policy')!;
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    }
    const page = (await get('/admin', session)).headers.get('content-security-policy');
    expect(page).toMatch(/script-src 'self' 'sha256-[\w+/]{43}='/);
  });

  it('that is not built says how to build it, and the service serves', async () => {
    const bare = await startService(await operatorSettings(), join(folder, 'nothing-here'));
    try {
      expect((await expectProblem(await fetch(`${bare.url}/admin/jobs`), 404, 'not-found')).detail).toContain(
        'npm run build',
      );
      expect((await fetch(`${bare.url}/health/live`)).status).toBe(200);
    } finally {
      await bare.close();
    }
  });
});

describe('a bearer token', () => {
  it('opens the API to programs, from wherever they run', async () => {
    const response = await get(SESSION, { ...bearer, origin: 'https://elsewhere.example' });
    expect(await response.json()).toMatchObject({ actor: 'token:robot', expires_at: null });
  });

  it.each([
    ['wrong', 'Bearer wrong'],
    ['its name', 'Bearer robot'],
    ['empty', 'Bearer '],
    ['another scheme', 'Basic abc'],
  ])('that is not one, %s: 401', async (_, authorization) => {
    await expectProblem(await get(SESSION, { authorization }), 401, 'unauthorized');
  });

  it('opens no page', async () => {
    expect((await get('/admin', bearer)).status).toBe(303);
  });

  it('an API key is none', async () => {
    const keyed = await startService(
      { ...(await operatorSettings()), FACE_API_API_KEYS: 'app:0123456789abcdef' },
      folder,
    );
    try {
      const key = { headers: { 'x-api-key': '0123456789abcdef' } };
      expect((await fetch(keyed.url + SESSION, key)).status).toBe(401);
      expect((await fetch(keyed.url + SESSION, { headers: await loggedIn(keyed.url) })).status).toBe(200);
    } finally {
      await keyed.close();
    }
  });
});

describe('failed logins', () => {
  let guarded: Service;
  const from = (address: string) => ({ ...SAME_ORIGIN, 'x-forwarded-for': address });
  const attempt = async (password: string, address: string) => {
    const response = await login(guarded.url, password, from(address));
    await response.arrayBuffer();
    return response;
  };

  beforeAll(async () => {
    guarded = await startService({ ...(await operatorSettings()), FACE_API_TRUSTED_PROXIES: '127.0.0.1' }, folder);
  });
  afterAll(() => guarded.close());

  it('are refused after ten from an address, the right password too, and no other address is', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 15 }, async () => (await attempt('wrong', '192.0.2.1')).status),
    );
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(5);
    const refused = await attempt(PASSWORD, '192.0.2.1');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await attempt(PASSWORD, '192.0.2.2')).status).toBe(200);
  });

  it('are counted by network where the address is of IPv6', async () => {
    const statuses = [];
    for (let i = 0; i < 11; i++) statuses.push((await attempt('wrong', `2001:db8:1:2::${i}`)).status);
    expect(statuses.at(-1)).toBe(429);
  });

  it('do not count once the right password was given', async () => {
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 6; i++) expect((await attempt('wrong', '192.0.2.3')).status).toBe(401);
      expect((await attempt(PASSWORD, '192.0.2.3')).status).toBe(200);
    }
  });

  it('are refused in total too, by however many addresses they come', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 70 }, async (_, i) => (await attempt('wrong', `198.51.100.${i}`)).status),
    );
    expect(statuses).toContain(429);
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(60);
  });
});

describe('behind a proxy that ends TLS', () => {
  const forwarded = { ...SAME_ORIGIN, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'faces.example' };

  it('the cookie is for TLS and this host alone', async () => {
    const proxied = await startService(
      { ...(await operatorSettings()), FACE_API_TRUSTED_PROXIES: '127.0.0.1' },
      folder,
    );
    try {
      const response = await login(proxied.url, PASSWORD, forwarded);
      expect(response.headers.getSetCookie()[0]).toMatch(/^__Host-face_api_session=.*; Secure/);
      const cookie = cookieOf(response)!;
      expect((await fetch(proxied.url + SESSION, { headers: { ...forwarded, cookie } })).status).toBe(200);
      const plain = cookie.replace('__Host-', '');
      expect((await fetch(proxied.url + SESSION, { headers: { ...forwarded, cookie: plain } })).status).toBe(401);
    } finally {
      await proxied.close();
    }
  });

  it('nobody else is believed what protocol or address a request came by', async () => {
    const response = await login(service.url, PASSWORD, forwarded);
    expect(response.headers.getSetCookie()[0]).toMatch(/^face_api_session=/);
    const guarded = await startService(await operatorSettings(), folder);
    try {
      const statuses = [];
      for (let i = 0; i < 11; i++) {
        const forged = { ...SAME_ORIGIN, 'x-forwarded-for': `203.0.113.${i}` };
        statuses.push((await login(guarded.url, 'wrong', forged)).status);
      }
      expect(statuses.at(-1)).toBe(429);
    } finally {
      await guarded.close();
    }
  });
});
