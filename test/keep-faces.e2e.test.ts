import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DetectionBody } from '../src/inference/schemas.ts';
import type { Box } from '../src/vision/geometry.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { crowd, encode } from './fixtures/portraits.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { decode, differenceInside } from './support/picture.ts';
import { expectProblem, send, type Service, startService } from './support/service.ts';

/** keep_faces: all faces are masked but those of an earlier detection that are named. */

const secretOf = (key: string) => `the secret of ${key}`.padEnd(24, '-');
const image = await encode(crowd(4, { seed: 21, width: 640, height: 480 }), 'png');
const before = await decode(image);

let folder: string;
let database: TestDatabase;
let service: Service;
let detected: DetectionBody;

beforeAll(async () => {
  folder = await makeDataFolder('keep-faces');
  database = await createTestDatabase();
  service = await startService({
    FACE_API_STORAGE_ENABLED: 'true',
    FACE_API_DATA_FOLDER: folder,
    DATABASE_URL: database.url,
    FACE_API_API_KEYS: ['app', 'other'].map((key) => `${key}:${secretOf(key)}`).join(','),
  });
  detected = (await (await request('detect', {})).json()) as DetectionBody;
});
afterAll(async () => {
  await service.close();
  await database.close();
  await rm(folder, { recursive: true });
});

function request(
  endpoint: 'detect' | 'mask',
  options: Record<string, unknown>,
  {
    key = 'app',
    bytes = image,
    way = 'json' as const,
  }: { key?: string; bytes?: Uint8Array; way?: 'json' | 'multipart' } = {},
): Promise<Response> {
  return send(service.url, endpoint, bytes, { way, options, headers: { 'x-api-key': secretOf(key) } });
}

/** The middle of a face, which neither a neighbor's mask nor a soft edge reaches */
const middleOf = ({ left, top, right, bottom }: Box): Box => ({
  left: (left * 2 + right) / 3,
  top: (top * 2 + bottom) / 3,
  right: (left + right * 2) / 3,
  bottom: (top + bottom * 2) / 3,
});

/** Which of the detected faces are as they were */
async function visibleIn(response: Response): Promise<number[]> {
  const bytes = Buffer.from(await response.arrayBuffer());
  expect({ status: response.status, text: response.ok ? '' : bytes.toString() }).toEqual({ status: 200, text: '' });
  const after = await decode(bytes);
  return [...detected.faces.keys()].filter(
    (index) => differenceInside(before, after, middleOf(detected.faces[index]!.box)) === 0,
  );
}

describe('keep_faces', () => {
  it.each(['json', 'multipart'] as const)(
    'masks all faces but the named ones, right after the detection (%s)',
    async (way) => {
      expect(detected.faces).toHaveLength(4);
      for (const keep_faces of [[1], [0, 3]]) {
        const response = await request('mask', { keep_faces, keep_faces_of: detected.job_id }, { way });
        expect(response.headers.get('x-masked-count')).toBe(String(4 - keep_faces.length));
        expect(await visibleIn(response)).toEqual(keep_faces);
      }
    },
  );

  it('masks faces that the detection did not find, also in the place of a kept one', async () => {
    const one = (await (await request('detect', { max_faces: 1 })).json()) as DetectionBody;
    const keeping = { keep_faces: [0], keep_faces_of: one.job_id };
    expect(await visibleIn(await request('mask', keeping))).toEqual([0]);
    await expectProblem(await request('mask', { ...keeping, keep_faces: [1] }), 422, 'unknown-faces');
  });

  it('holds in verification as well', async () => {
    const keeping = { keep_faces: [2], keep_faces_of: detected.job_id, verify: true };
    expect(await visibleIn(await request('mask', keeping))).toEqual([2]);
  });

  it.each([
    ['of an unknown job', () => ({ keep_faces_of: randomUUID() }), {}, 'no job with this ID'],
    ['of a job of another key', () => ({}), { key: 'other' }, 'no job with this ID'],
    ['of another image', () => ({}), { other: true }, 'another image'],
    ['beyond the last face', () => ({ keep_faces: [0, 4] }), {}, 'no face 4'],
  ])(
    '%s is a problem, and nothing is returned',
    async (_, changed, { key, other }: { key?: string; other?: boolean }, text) => {
      const bytes = other ? await encode(crowd(4, { seed: 22, width: 640, height: 480 }), 'png') : image;
      const options = { keep_faces: [0], keep_faces_of: detected.job_id, ...changed() };
      const response = await request('mask', options, { bytes, ...(key && { key }) });
      expect((await expectProblem(response, 422, 'unknown-faces')).detail).toContain(text);
    },
  );

  it('of a masking is a problem', async () => {
    const masked = await request('mask', {});
    await masked.arrayBuffer();
    const options = { keep_faces: [0], keep_faces_of: masked.headers.get('x-job-id') };
    expect((await expectProblem(await request('mask', options), 422, 'unknown-faces')).detail).toContain(
      'no detection',
    );
  });

  it.each([
    [{ keep_faces: [0] }, 'keep_faces: needs keep_faces_of'],
    [{ keep_faces_of: randomUUID() }, 'keep_faces_of: needs keep_faces'],
    [{ keep_faces: [], keep_faces_of: randomUUID() }, 'keep_faces_of: needs keep_faces'],
    [{ keep_faces: [-1], keep_faces_of: randomUUID() }, 'keep_faces[0]'],
  ])('is rejected as %j', async (options, text) => {
    expect((await expectProblem(await request('mask', options), 400, 'invalid-option')).detail).toContain(text);
  });

  it('is no option of a batch, whose images are many', async () => {
    const response = await fetch(`${service.url}/api/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': secretOf('app') },
      body: JSON.stringify({ kind: 'mask', urls: [], options: { keep_faces: [0] } }),
    });
    expect((await expectProblem(response, 400, 'invalid-option')).detail).toContain('keep_faces');
  });

  it('needs storage', async () => {
    const open = await startService();
    try {
      const options = { keep_faces: [0], keep_faces_of: randomUUID() };
      const response = await send(open.url, 'mask', image, { way: 'json', options });
      expect((await expectProblem(response, 422, 'unknown-faces')).detail).toContain('storage, which is off');
    } finally {
      await open.close();
    }
  });
});
