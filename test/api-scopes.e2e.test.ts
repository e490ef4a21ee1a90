import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildOpenApiDocument } from '../src/openapi-document.ts';
import { expectProblem, type Service, startService } from './support/service.ts';

const SCOPES = ['mask', 'detect', 'review', 'unmask'] as const;

/** The keys that may send each request: those with the scope; any: every key. */
const NEEDED: Readonly<Record<string, (typeof SCOPES)[number] | 'any'>> = {
  'POST /api/v1/detect': 'detect',
  'POST /api/v1/detect/json': 'detect',
  'POST /api/v1/mask': 'mask',
  'POST /api/v1/mask/json': 'mask',
  'POST /api/v1/jobs': 'any',
  'GET /api/v1/jobs': 'any',
  'GET /api/v1/jobs/{id}': 'any',
  'GET /api/v1/jobs/{id}/items': 'any',
  'GET /api/v1/jobs/{id}/result': 'any',
  'POST /api/v1/jobs/{id}/retry': 'any',
  'DELETE /api/v1/jobs/{id}': 'any',
  'POST /api/v1/receipts/verify': 'any',
  'GET /api/v1/images/{id}/masks': 'review',
  'POST /api/v1/images/{id}/masks': 'review',
  'GET /api/v1/images/{id}/result': 'any',
};

const secretOf = (name: string) => `the secret of ${name}`.padEnd(20, '-');

let service: Service;
beforeAll(async () => {
  service = await startService({
    FACE_API_API_KEYS: [...SCOPES, 'plain'].map((name) => `${name}:${secretOf(name)}`).join(','),
    FACE_API_API_KEY_SCOPES: SCOPES.map((scope) => `${scope}=${scope}`).join(','),
  });
});
afterAll(() => service.close());

/** Every route that takes an API key, as the document lists it. */
function keyedRoutes({ app }: Service): string[] {
  return Object.entries(buildOpenApiDocument(app).paths)
    .filter(([path]) => path.startsWith('/api/') && !path.startsWith('/api/v1/admin/'))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
}

/** The routes for which the service says that the scope is missing. */
async function forbidden({ url, app }: Service, headers: Record<string, string>): Promise<string[]> {
  const refused = [];
  for (const route of keyedRoutes({ app } as Service)) {
    const [method, path] = route.split(' ') as [string, string];
    const response = await fetch(url + path.replace('{id}', '0190a0b0-0000-7000-8000-000000000000'), {
      method,
      headers,
    });
    if (response.status === 403) {
      await expectProblem(response, 403, 'forbidden');
      refused.push(route);
    } else await response.arrayBuffer();
  }
  return refused;
}

const without = (scopes: readonly string[]) =>
  Object.entries(NEEDED)
    .filter(([, needed]) => needed !== 'any' && !scopes.includes(needed))
    .map(([route]) => route)
    .sort();

describe('an API key', () => {
  it('has a stated scope for every route of the document', () => {
    expect(keyedRoutes(service).sort()).toEqual(Object.keys(NEEDED).sort());
  });

  it.each(SCOPES)('with the scope %s alone may do what it is for', async (scope) => {
    expect((await forbidden(service, { 'x-api-key': secretOf(scope) })).sort()).toEqual(without([scope]));
  });

  it('without scopes of its own may mask and detect', async () => {
    expect((await forbidden(service, { 'x-api-key': secretOf('plain') })).sort()).toEqual(without(['mask', 'detect']));
  });

  it('is needed for what goes beyond masking and detecting, also if the service has none', async () => {
    const open = await startService();
    try {
      expect((await forbidden(open, {})).sort()).toEqual(without(['mask', 'detect']));
    } finally {
      await open.close();
    }
  });
});

describe('FACE_API_API_KEY_SCOPES', () => {
  it.each([
    ['names a key that does not exist', 'nobody=mask', 'names the key nobody'],
    ['has a scope that does not exist', 'app=rule', 'mask, detect, review, unmask'],
    ['has no name', 'mask', 'mask, detect, review, unmask'],
  ])('that %s keeps the service from starting', async (_, scopes, problem) => {
    const settings = { FACE_API_API_KEYS: 'app:0123456789abcdef', FACE_API_API_KEY_SCOPES: scopes };
    await expect(startService(settings)).rejects.toThrow(problem);
  });
});
