import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../src/admin/access/password.ts';
import { ROLES, type Role } from '../src/config/user-roles.ts';
import { writeUsers } from '../src/admin/access/users-file.ts';
import { buildOpenApiDocument } from '../src/openapi-document.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { bearer, loggedIn, login, SAME_ORIGIN, TOKEN } from './support/operator.ts';
import { expectProblem, type Service, startService } from './support/service.ts';

const SESSION = '/api/v1/admin/session';

/** The least role that may send each request; null: it needs no login. */
const LEAST: Readonly<Record<string, Role | null>> = {
  'GET /login': null,
  'GET /openid': null,
  'GET /openid/callback': null,
  'POST /session': null,
  'GET /session': 'viewer',
  'DELETE /session': 'viewer',
  'GET /images': 'viewer',
  'GET /images/{id}': 'viewer',
  'DELETE /images/{id}': 'admin',
  'GET /images/{id}/thumbnail': 'viewer',
  'POST /images/{id}/jobs': 'unmasker',
  'GET /images/{id}/result': 'viewer',
  'GET /images/{id}/reports': 'viewer',
  'GET /images/{id}/versions': 'viewer',
  'POST /images/{id}/versions': 'reviewer',
  'POST /images/{id}/versions/preview': 'reviewer',
  'POST /images/{id}/versions/{number}/approval': 'unmasker',
  'GET /images/{id}/review': 'viewer',
  'PUT /images/{id}/claim': 'reviewer',
  'DELETE /images/{id}/claim': 'reviewer',
  'POST /images/{id}/decision': 'reviewer',
  'GET /review': 'viewer',
  'GET /review/counts': 'viewer',
  'GET /review/figures': 'reviewer',
  'POST /review/decisions': 'reviewer',
  'GET /jobs': 'viewer',
  'GET /jobs.csv': 'viewer',
  'GET /jobs/{id}': 'viewer',
  'GET /batches': 'viewer',
  'GET /batches/{id}': 'viewer',
  'GET /batches/{id}/result': 'viewer',
  'POST /batches': 'unmasker',
  'POST /batches/{id}/retry': 'admin',
  'POST /batches/{id}/webhooks/{webhook}/redelivery': 'admin',
  'DELETE /batches/{id}': 'admin',
  'GET /statistics': 'viewer',
  'GET /system': 'viewer',
  'POST /reconciliation': 'admin',
  'GET /audit': 'admin',
  'POST /playground/detect': 'reviewer',
  'POST /playground/preview': 'reviewer',
  'POST /playground/mask': 'unmasker',
};

let folder: string;
let file: string;
let service: Service;
const passwordOf = (name: string) => `the password of ${name}`;

beforeAll(async () => {
  folder = await makeDataFolder('roles');
  file = join(folder, 'users.json');
  const users = ROLES.map(async (role) => ({ name: role, role, password_hash: await hashPassword(passwordOf(role)) }));
  await writeUsers(file, await Promise.all(users));
  service = await startService({ FACE_API_ADMIN_USERS: file, FACE_API_ADMIN_TOKENS: `robot:${TOKEN}` });
});
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true });
});

const sessionOf = (role: Role) => loggedIn(service.url, { name: role, password: passwordOf(role) });

/** Every route of the console, as the document lists it. */
function adminRoutes(): string[] {
  return Object.entries(buildOpenApiDocument(service.app).paths)
    .filter(([path]) => path.startsWith('/api/v1/admin/'))
    .flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.slice('/api/v1/admin'.length)}`),
    );
}

describe('a role', () => {
  it('is stated for every route of the document', () => {
    expect(adminRoutes().sort()).toEqual(Object.keys(LEAST).sort());
  });

  it.each(ROLES)('%s: may use the routes of its rights, and no other', async (role) => {
    const session = await sessionOf(role);
    const answers: Record<string, boolean> = {};
    const expected: Record<string, boolean> = {};
    for (const route of adminRoutes().filter((each) => LEAST[each] !== null)) {
      const [method, path] = route.split(' ') as [string, string];
      // Logging out would end the session of the other requests.
      const headers = route === 'DELETE /session' ? await sessionOf(role) : session;
      const response = await fetch(
        `${service.url}/api/v1/admin${path.replace(/\{(id|webhook)\}/g, '0190a0b0-0000-7000-8000-000000000000').replace('{number}', '1')}`,
        {
          method,
          headers: { ...headers, ...(['POST', 'PUT'].includes(method) && { 'content-type': 'application/json' }) },
          ...(['POST', 'PUT'].includes(method) && { body: '{}' }),
        },
      );
      if (response.status === 403) await expectProblem(response, 403, 'forbidden');
      else await response.arrayBuffer();
      answers[route] = response.status !== 403;
      expected[route] = ROLES.indexOf(role) >= ROLES.indexOf(LEAST[route]!);
    }
    expect(answers).toEqual(expected);
  });

  it('is that of an administrator for a token, and for the one password', async () => {
    const rights = ['view', 'review', 'unmask', 'manage'];
    const response = await fetch(service.url + SESSION, { headers: bearer });
    expect(await response.json()).toMatchObject({ actor: 'token:robot', user_role: 'admin', rights });
    const alone = await startService({ FACE_API_ADMIN_PASSWORD_HASH: await hashPassword('a long password') });
    try {
      const one = await login(alone.url, 'a long password');
      expect(await one.json()).toMatchObject({ actor: 'console', user_role: 'admin', rights });
      const form = await fetch(`${alone.url}/api/v1/admin/login`);
      expect(await form.json()).toMatchObject({ has_names: false, has_passwords: true });
    } finally {
      await alone.close();
    }
  });
});

describe('a named user', () => {
  it('logs in by name and password, in any case of the name, and the session says who and with which rights', async () => {
    expect(await (await fetch(`${service.url}/api/v1/admin/login`)).json()).toMatchObject({
      has_names: true,
      has_passwords: true,
    });
    const response = await fetch(service.url + SESSION, {
      headers: await loggedIn(service.url, { name: 'Reviewer', password: passwordOf('reviewer') }),
    });
    expect(await response.json()).toMatchObject({
      actor: 'user:reviewer',
      user_role: 'reviewer',
      rights: ['view', 'review'],
    });
  });

  it.each([
    [{ name: 'reviewer', password: passwordOf('admin') }],
    [{ name: 'nobody', password: passwordOf('admin') }],
    [{ password: passwordOf('admin') }],
  ])('is not anybody else: %j', async (given) => {
    const response = await fetch(service.url + SESSION, {
      method: 'POST',
      headers: { ...SAME_ORIGIN, 'content-type': 'application/json' },
      body: JSON.stringify(given),
    });
    expect((await expectProblem(response, 401, 'unauthorized')).detail).toBe('Wrong name or password');
  });

  it('that another start no longer knows, or knows with another password or role, has no more than that', async () => {
    const other = join(folder, 'changed.json');
    const keptHash = await hashPassword(passwordOf('kept'));
    const users = [
      { name: 'root', role: 'admin', password_hash: await hashPassword('the password of root') },
      { name: 'kept', role: 'unmasker', password_hash: keptHash },
      { name: 'removed', role: 'viewer', password_hash: keptHash },
    ] as const;
    await writeUsers(other, users);
    const settings = {
      FACE_API_ADMIN_USERS: other,
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
    };
    const before = await startService(settings);
    const sessions = [
      await loggedIn(before.url, { name: 'root', password: 'the password of root' }),
      await loggedIn(before.url, { name: 'kept', password: passwordOf('kept') }),
      await loggedIn(before.url, { name: 'removed', password: passwordOf('kept') }),
    ];
    await before.close();

    const [root, kept] = users;
    await writeUsers(other, [
      { ...root, password_hash: await hashPassword('a new password') },
      { ...kept, role: 'viewer' },
    ]);
    const after = await startService(settings);
    try {
      const answers = await Promise.all(
        sessions.map(async (headers) => {
          const response = await fetch(after.url + SESSION, { headers });
          return ((await response.json()) as { user_role?: string }).user_role ?? response.status;
        }),
      );
      expect(answers).toEqual([401, 'viewer', 401]);
    } finally {
      await after.close();
    }
  });

  it('and one password for everyone exclude each other', async () => {
    const both = { FACE_API_ADMIN_USERS: file, FACE_API_ADMIN_PASSWORD_HASH: await hashPassword('a long password') };
    await expect(startService(both)).rejects.toThrow(/FACE_API_ADMIN_USERS are both set/);
  });

  it('of a file that is not valid keeps the service from starting', async () => {
    const broken = join(folder, 'broken.json');
    await writeFile(broken, '{}');
    await expect(startService({ FACE_API_ADMIN_USERS: broken })).rejects.toThrow(/FACE_API_ADMIN_USERS: .*users/);
  });
});
