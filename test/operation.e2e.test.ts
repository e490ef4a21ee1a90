import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestSlots } from '../src/http/request-slots.ts';
import { InferencePool } from '../src/inference/inference-pool.ts';
import { detectOptionsSchema } from '../src/inference/schemas.ts';
import { singleMaskOptionsSchema } from '../src/masking/schemas.ts';
import { checkOptionsSchema } from '../src/receipts/schemas.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { VERSION } from '../src/version.ts';
import { expectProblem, send, type Service, startService } from './support/service.ts';

const COMMITTED = fileURLToPath(new URL('../openapi.json', import.meta.url));

const image = await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg');

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const get = (path: string) => fetch(service.url + path);

async function metrics(): Promise<string> {
  return (await get('/metrics')).text();
}

/** The value of one sample; 0 where there is none yet. */
function sample(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length));
}

describe('health', () => {
  it.each(['live', 'ready'])('%s says yes while the workers answer', async (probe) => {
    const response = await get(`/health/${probe}`);

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: 'ok' });
  });

  it('ready names the model', async () => {
    expect(await (await get('/health/ready')).json()).toMatchObject({ details: { model: { name: 'embedded' } } });
  });

  it('live says no when a task runs far beyond every deadline', async () => {
    const running = service.app.get(InferencePool)['running'];
    const stuck = Promise.withResolvers().promise;
    running.set(stuck, performance.now() - 1e9);
    try {
      const response = await get('/health/live');
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ status: 'error', error: { workers: { status: 'down' } } });
    } finally {
      running.delete(stuck);
    }
    expect((await get('/health/live')).status).toBe(200);
  });

  it('ready says no, and images get 503, once the pool is shut down', async () => {
    const stopping = await startService();
    try {
      await stopping.app.get(InferencePool).onApplicationShutdown();

      expect((await fetch(`${stopping.url}/health/ready`)).status).toBe(503);
      await expectProblem(await send(stopping.url, 'detect', image), 503, 'not-ready');
    } finally {
      await stopping.close();
    }
  });
});

describe('metrics', () => {
  it('are Prometheus text under stable names', async () => {
    await (await send(service.url, 'mask', image)).arrayBuffer();
    const response = await get('/metrics');
    const text = await response.text();
    const names = new Set([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name!} ${type!}`));

    expect(response.headers.get('content-type')).toMatch(/^text\/plain; .*version=/);
    for (const name of [
      'face_api_requests_total counter',
      'face_api_request_duration_seconds histogram',
      'face_api_stage_duration_seconds histogram',
      'face_api_faces_total counter',
      'face_api_worker_failures_total counter',
      'face_api_requests_in_flight gauge',
      'face_api_request_slots gauge',
      'process_resident_memory_bytes gauge',
    ]) {
      expect(names).toContain(name);
    }
    expect(text).toMatch(/^face_api_stage_duration_seconds_count\{stage="inference"\} [1-9]/m);
  });

  it('count requests by route and status, and faces', async () => {
    const before = await metrics();
    await (await send(service.url, 'detect', image)).arrayBuffer();
    await (await send(service.url, 'detect', image, { options: { threshold: 9 } })).arrayBuffer();
    const after = await metrics();
    const added = (name: string) => sample(after, name) - sample(before, name);

    expect(added('face_api_requests_total{route="/api/v1/detect",status="200"}')).toBe(1);
    expect(added('face_api_requests_total{route="/api/v1/detect",status="400"}')).toBe(1);
    expect(added('face_api_faces_total{kind="detect"}')).toBe(1);
  });

  it('take no label from an address that there is none of', async () => {
    for (let i = 0; i < 5; i++) await (await get(`/made-up-${i}?and=${i}`)).arrayBuffer();

    expect(await metrics()).not.toContain('made-up');
  });
});

describe('the documentation', () => {
  it('is served as a page', async () => {
    const response = await get('/docs');

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await response.text()).toContain('swagger-ui');
  });

  it.each(['/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css', '/docs/swagger-ui-init.js'])(
    'has its part %s',
    async (path) => {
      const response = await get(path);
      await response.arrayBuffer();
      expect(response.status).toBe(200);
    },
  );

  it('is not there where it is switched off', async () => {
    const quiet = await startService({ FACE_API_DOCS_ENABLED: 'false' });
    try {
      for (const path of ['/docs', '/openapi.json']) expect((await fetch(quiet.url + path)).status).toBe(404);
    } finally {
      await quiet.close();
    }
  });
});

describe('the OpenAPI document', () => {
  type Operation = {
    operationId: string;
    tags: string[];
    parameters: { name: string }[];
    requestBody?: { content: Record<string, { schema: { properties: object } }> };
    responses: Record<string, { content?: object }>;
  };
  type Document = {
    openapi: string;
    info: object;
    tags: { name: string; description: string }[];
    paths: Record<string, Record<string, Operation>>;
    components: {
      schemas: Record<string, { properties: Record<string, { description: string; examples?: unknown[] }> }>;
    };
  };
  let document: Document;
  const FORM = { type: 'multipart/form-data', images: ['file'] };
  const JSON_BODY = { type: 'application/json', images: ['image', 'url'] };

  beforeAll(async () => {
    document = (await (await get('/openapi.json')).json()) as Document;
  });

  it('is the committed openapi.json (npm run openapi writes it)', () => {
    expect(document).toEqual(JSON.parse(readFileSync(COMMITTED, 'utf8')));
  });

  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(document));

    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(validator.version).toBe('3.1');
    expect(document.openapi).toMatch(/^3\.1\./);
  });

  it('has every reference resolved within itself', () => {
    const names = new Set<string>();
    JSON.stringify(document, (key, value: unknown) => {
      if (key === '$ref') names.add(String(value));
      return value;
    });

    expect(names.size).toBeGreaterThan(5);
    for (const name of names) {
      expect(name).toMatch(/^#\/components\/schemas\/\w+$/);
      expect(Object.keys(document.components.schemas)).toContain(name.split('/').at(-1));
    }
  });

  it('says of each operation of the console how it fails, and that it asks who is there', () => {
    const operations = Object.entries(document.paths).filter(([path]) => path.startsWith('/api/v1/admin/'));
    for (const [path, methods] of operations) {
      for (const [method, { operationId, responses }] of Object.entries(methods)) {
        expect(operationId, `${method} ${path}`).toMatch(/^admin[A-Z]/);
        // For those who are not logged in.
        const isLogin = /\/admin\/(login|openid(\/callback)?)$/.test(path);
        if (!isLogin) expect(Object.keys(responses), `${method} ${path}`).toContain('401');
        for (const [status, { content }] of Object.entries(responses)) {
          if (Number(status) >= 400) expect(Object.keys(content!)).toEqual(['application/problem+json']);
        }
      }
    }
  });

  it('has the version of the product, its license, and a text for each tag', () => {
    expect(document.info).toMatchObject({ version: VERSION, license: { name: 'MIT' } });
    const used = Object.values(document.paths).flatMap((methods) => Object.values(methods).flatMap(({ tags }) => tags));
    expect(document.tags.map(({ name }) => name).sort()).toEqual([...new Set(used)].sort());
    for (const { description } of document.tags) expect(description).toMatch(/\w{4}/);
  });

  it('has the default of each option as its example, where there is one', () => {
    for (const { properties } of ['DetectOptions', 'SingleMaskOptions'].map(
      (name) => document.components.schemas[name]!,
    )) {
      for (const [name, { description, examples }] of Object.entries(properties)) {
        const hasDefault = !/Default: (no limit|no job|all|the format)/.test(description);
        expect(examples?.length ?? 0, name).toBe(hasDefault ? 1 : 0);
      }
    }
  });

  it('describes every endpoint, option and kind of answer', () => {
    expect(Object.keys(document.paths).sort()).toEqual([
      '/',
      '/.well-known/jwks.json',
      '/api/v1/admin/audit',
      '/api/v1/admin/batches',
      '/api/v1/admin/batches/{id}',
      '/api/v1/admin/batches/{id}/result',
      '/api/v1/admin/batches/{id}/retry',
      '/api/v1/admin/batches/{id}/webhooks/{webhook}/redelivery',
      '/api/v1/admin/images',
      '/api/v1/admin/images/{id}',
      '/api/v1/admin/images/{id}/claim',
      '/api/v1/admin/images/{id}/decision',
      '/api/v1/admin/images/{id}/jobs',
      '/api/v1/admin/images/{id}/reports',
      '/api/v1/admin/images/{id}/result',
      '/api/v1/admin/images/{id}/review',
      '/api/v1/admin/images/{id}/thumbnail',
      '/api/v1/admin/images/{id}/versions',
      '/api/v1/admin/images/{id}/versions/preview',
      '/api/v1/admin/images/{id}/versions/{number}/approval',
      '/api/v1/admin/jobs',
      '/api/v1/admin/jobs.csv',
      '/api/v1/admin/jobs/{id}',
      '/api/v1/admin/login',
      '/api/v1/admin/openid',
      '/api/v1/admin/openid/callback',
      '/api/v1/admin/playground/detect',
      '/api/v1/admin/playground/mask',
      '/api/v1/admin/playground/preview',
      '/api/v1/admin/reconciliation',
      '/api/v1/admin/review',
      '/api/v1/admin/review/counts',
      '/api/v1/admin/review/decisions',
      '/api/v1/admin/review/figures',
      '/api/v1/admin/session',
      '/api/v1/admin/statistics',
      '/api/v1/admin/system',
      '/api/v1/detect',
      '/api/v1/detect/json',
      '/api/v1/images/{id}/masks',
      '/api/v1/images/{id}/result',
      '/api/v1/jobs',
      '/api/v1/jobs/{id}',
      '/api/v1/jobs/{id}/items',
      '/api/v1/jobs/{id}/result',
      '/api/v1/jobs/{id}/retry',
      '/api/v1/mask',
      '/api/v1/mask/json',
      '/api/v1/receipts/verify',
      '/health/live',
      '/health/ready',
      '/metrics',
    ]);
    for (const [path, schema, { images, type }] of [
      ['/api/v1/detect', detectOptionsSchema, FORM],
      ['/api/v1/detect/json', detectOptionsSchema, JSON_BODY],
      ['/api/v1/mask', singleMaskOptionsSchema, FORM],
      ['/api/v1/mask/json', singleMaskOptionsSchema, JSON_BODY],
      ['/api/v1/receipts/verify', checkOptionsSchema, FORM],
    ] as const) {
      const operation = document.paths[path]!['post']!;
      const beside = Object.keys(operation.requestBody!.content[type]!.schema.properties);
      const listed = [...operation.parameters.map(({ name }) => name), ...beside];
      const keyed = path === '/api/v1/receipts/verify' ? [] : ['Idempotency-Key'];
      expect(listed.sort(), path).toEqual([...images, ...keyed, ...Object.keys(schema.shape)].sort());
      expect(Object.keys(operation.responses).map(Number)).toEqual([
        ...[200, 400, 401, 403, 408],
        ...keyed.map(() => 409),
        ...[413, 415, 422, 429, 431, 500, 503, 504],
      ]);
      for (const [status, { content }] of Object.entries(operation.responses)) {
        if (status !== '200') expect(Object.keys(content!)).toEqual(['application/problem+json']);
      }
    }
  });
});

describe('every answer', () => {
  it.each(['/health/live', '/docs', '/nothing', '/api/v1/detect'])(
    'of %s carries security headers and an id',
    async (path) => {
      const { headers } = await get(path);

      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'self'");
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers.get('x-powered-by')).toBeNull();
    },
  );

  it('leaves no slot taken', () => {
    expect(service.app.get(RequestSlots).inUse).toBe(0);
  });
});
