import { createHash, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditPage } from '../src/admin/kept/schemas.ts';
import { type ImageMasksBody, imageMasksSchema } from '../src/review/api/schemas.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { crowd, encode } from './fixtures/portraits.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { ADMIN_ENVIRONMENT, asAdmin, readJson } from './support/admin-client.ts';
import { expectProblem, send, type Service, startService, until } from './support/service.ts';

/** Corrections by programs: the versions of test/versions.e2e.test.ts, with an API key. */

const SCOPES = { sender: 'mask', reviewer: 'mask+review', unmasker: 'mask+review+unmask', other: 'mask+review+unmask' };
type Key = keyof typeof SCOPES;
const KEYS = Object.keys(SCOPES) as Key[];
const secretOf = (key: Key) => `the secret of ${key}`.padEnd(24, '-');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let folder: string;
let database: TestDatabase;
let service: Service;
let settings: Record<string, string>;

beforeAll(async () => {
  folder = await makeDataFolder('corrections');
  database = await createTestDatabase();
  settings = {
    ...ADMIN_ENVIRONMENT,
    FACE_API_STORAGE_ENABLED: 'true',
    FACE_API_DATA_FOLDER: folder,
    DATABASE_URL: database.url,
    FACE_API_MASK_RECALL: 'fast',
  };
  service = await startService({
    ...settings,
    FACE_API_API_KEYS: KEYS.map((key) => `${key}:${secretOf(key)}`).join(','),
    FACE_API_API_KEY_SCOPES: KEYS.map((key) => `${key}=${SCOPES[key]}`).join(','),
  });
});
afterAll(async () => {
  await service.close();
  await database.close();
  await rm(folder, { recursive: true });
});

const headersOf = (key: Key) => ({ 'x-api-key': secretOf(key) });

function get(key: Key, id: string, path: 'masks' | 'result'): Promise<Response> {
  return fetch(`${service.url}/api/v1/images/${id}/${path}`, { headers: headersOf(key) });
}

function correct(key: Key, id: string, body: unknown): Promise<Response> {
  return fetch(`${service.url}/api/v1/images/${id}/masks`, {
    method: 'POST',
    headers: { ...headersOf(key), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

const bodyOf = async (answer: Promise<Response>) =>
  imageMasksSchema.strict().parse(await readJson<ImageMasksBody>(answer));

let seed = 300;
/** A crowd that no other test has masked, sent with these keys; what the last of them has of it as soon as it is stored. */
async function newCrowd(...keys: Key[]): Promise<{ jobId: string; served: ImageMasksBody }> {
  const image = await encode(crowd(3, { seed: seed++, width: 480, height: 360 }), 'jpeg');
  let jobId = '';
  for (const key of keys) {
    const response = await send(service.url, 'mask', image, { headers: headersOf(key) });
    await response.arrayBuffer();
    jobId = response.headers.get('x-job-id')!;
  }
  const served = await until(async () => {
    const response = await get(keys.at(-1)!, jobId, 'masks');
    return response.ok && imageMasksSchema.parse(await response.json());
  });
  return { jobId, served };
}

const more = { left: 10, top: 12, right: 60, bottom: 70, shape: 'box' } as const;
const plain = (masks: ImageMasksBody['masks']) =>
  masks.map(({ left, top, right, bottom, shape }) => ({ left, top, right, bottom, shape }));

describe('a key with the scope review', () => {
  it('adds masks to an image that it sent, by the ID of the job or of the image', async () => {
    const { jobId, served } = await newCrowd('reviewer');
    expect(served).toMatchObject({ id: jobId, number: 1, is_served: true });
    expect(await bodyOf(get('reviewer', served.image_id, 'masks'))).toEqual(served);

    const masks = [...plain(served.masks), more];
    const edit = { based_on: served.id, masks, reason: 'missed' };
    const second = await bodyOf(correct('reviewer', jobId, edit));
    expect(second).toMatchObject({ number: 2, author: 'key:reviewer', uncovers: false, image_id: served.image_id });
    expect(second.masks.at(-1)).toEqual({ ...more, origin: 'added' });

    const result = await get('reviewer', jobId, 'result');
    expect(result.headers.get('content-type')).toBe('image/jpeg');
    expect(sha256(Buffer.from(await result.arrayBuffer()))).toBe(second.sha256);
    const again = await fetch(result.url, {
      headers: { ...headersOf('reviewer'), 'if-none-match': result.headers.get('etag')! },
    });
    expect(again.status).toBe(304);

    const { rows } = await readJson<AuditPage>(asAdmin(service, '/audit?limit=1'));
    expect(rows[0]).toMatchObject({ action: 'edit', actor: 'key:reviewer', subject: served.image_id });
    const late = await correct('reviewer', jobId, edit);
    expect((await expectProblem(late, 409, 'version-conflict'))['current_version']).toMatchObject({ number: 2 });
  });

  it.each([
    ['without a mask', (masks: ReturnType<typeof plain>) => ({ masks: masks.slice(1) })],
    ['by going back to an earlier version', () => ({ restore: 1 })],
  ])('makes no pixel visible %s, unless it has the scope unmask too', async (_, change) => {
    const { jobId, served } = await newCrowd('reviewer', 'unmasker');
    const masks = [...plain(served.masks), more];
    const second = await bodyOf(correct('reviewer', jobId, { based_on: served.id, masks, reason: 'missed' }));
    const edit = { based_on: second.id, ...change(masks), reason: 'no face' };
    expect((await expectProblem(await correct('reviewer', jobId, edit), 403, 'forbidden')).detail).toContain('unmask');
    const third = await bodyOf(correct('unmasker', jobId, edit));
    expect(third).toMatchObject({ number: 3, uncovers: true, author: 'key:unmasker' });
    const { rows } = await readJson<AuditPage>(asAdmin(service, '/audit?limit=1'));
    expect(rows[0]).toMatchObject({ action: 'unmask', actor: 'key:unmasker' });
  });
});

describe('an image', () => {
  it('of another key does not exist, nor does one that was never sent or whose scope is missing', async () => {
    const { jobId, served } = await newCrowd('reviewer');
    const edit = { based_on: served.id, masks: [], reason: 'mine' };
    const texts = [];
    for (const id of [jobId, served.image_id, randomUUID()]) {
      for (const answer of [get('other', id, 'masks'), get('other', id, 'result'), correct('other', id, edit)]) {
        texts.push((await expectProblem(await answer, 404, 'not-found')).detail);
      }
      await expectProblem(await get('sender', id, 'masks'), 403, 'forbidden');
      await expectProblem(await get('sender', id, 'result'), 404, 'not-found');
    }
    expect(new Set(texts).size).toBe(1);
  });

  it('is served to a key that may only mask, also after others have corrected it', async () => {
    const { jobId, served } = await newCrowd('sender', 'reviewer');
    const masks = [...plain(served.masks), more];
    const second = await bodyOf(correct('reviewer', jobId, { based_on: served.id, masks, reason: 'missed' }));
    const result = await get('sender', served.image_id, 'result');
    expect(sha256(Buffer.from(await result.arrayBuffer()))).toBe(second.sha256);
  });

  it('is served without a key if the service has none, but not corrected', async () => {
    const { served } = await newCrowd('reviewer');
    const open = await startService(settings);
    try {
      const url = `${open.url}/api/v1/images/${served.image_id}`;
      const result = await fetch(`${url}/result`);
      expect(sha256(Buffer.from(await result.arrayBuffer()))).toBe(served.sha256);
      await expectProblem(await fetch(`${url}/masks`), 403, 'forbidden');
    } finally {
      await open.close();
    }
  });

  it('has no corrections if storage is off, and its response no ID of a job', async () => {
    const open = await startService();
    try {
      const response = await send(open.url, 'mask', await encode(crowd(1, { seed: 1 }), 'jpeg'));
      expect(response.headers.has('x-job-id')).toBe(false);
      await response.arrayBuffer();
      const result = await fetch(`${open.url}/api/v1/images/${randomUUID()}/result`);
      await expectProblem(result, 409, 'storage-off');
    } finally {
      await open.close();
    }
  });
});
