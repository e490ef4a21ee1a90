import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../src/admin/access/password.ts';
import { writeUsers } from '../src/admin/access/users-file.ts';
import type { AuditPage, ImageDetail, JobDetail } from '../src/admin/kept/schemas.ts';
import {
  type AdminVersionBody,
  adminVersionSchema,
  type AdminVersionsBody,
  adminVersionsSchema,
} from '../src/admin/review/schemas.ts';
import type { Problem } from '../src/errors/problem.ts';
import type { CheckedBody } from '../src/receipts/schemas.ts';
import { coverage } from '../src/vision/mask.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { crowd, encode, render } from './fixtures/portraits.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { ADMIN_ENVIRONMENT, asAdmin, readJson, storedJob } from './support/admin-client.ts';
import { loggedIn } from './support/operator.ts';
import { expectProblem, send, type Service, startService } from './support/service.ts';

const PASSWORD = 'a password for all of them';
const USERS = ['reviewer', 'unmasker', 'second', 'admin'] as const;
type User = (typeof USERS)[number];

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let folder: string;
let database: TestDatabase;
let settings: Record<string, string>;
let service: Service;
let sessions: Record<User, Record<string, string>>;

async function logInAll({ url }: Service): Promise<typeof sessions> {
  const entries = USERS.map(async (name) => [name, await loggedIn(url, { name, password: PASSWORD })] as const);
  return Object.fromEntries(await Promise.all(entries)) as typeof sessions;
}

beforeAll(async () => {
  folder = await makeDataFolder('versions');
  database = await createTestDatabase();
  const users = join(folder, 'users.json');
  const password_hash = await hashPassword(PASSWORD);
  await writeUsers(
    users,
    USERS.map((name) => ({ name, role: name === 'second' ? 'unmasker' : name, password_hash })),
  );
  settings = {
    ...ADMIN_ENVIRONMENT,
    FACE_API_ADMIN_USERS: users,
    FACE_API_STORAGE_ENABLED: 'true',
    FACE_API_DATA_FOLDER: folder,
    DATABASE_URL: database.url,
    FACE_API_RECEIPT_KEY_FOLDER: folder,
  };
  service = await startService(settings);
  sessions = await logInAll(service);
});
afterAll(async () => {
  await service.close();
  await database.close();
  await rm(folder, { recursive: true });
});

type Mask = Pick<AdminVersionBody['masks'][number], 'left' | 'top' | 'right' | 'bottom' | 'shape'>;

/** What an editor sends: the masks without their origin. */
const plain = (masks: readonly Mask[]): Mask[] =>
  masks.map(({ left, top, right, bottom, shape }) => ({ left, top, right, bottom, shape }));

function post(user: User, path: string, body: unknown): Promise<Response> {
  return fetch(`${service.url}/api/v1/admin${path}`, {
    method: 'POST',
    headers: { ...sessions[user], 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

const get = <Body>(path: string) => readJson<Body>(asAdmin(service, path));

/** Masks an image by the public route, and waits until its job is stored. */
async function mask(image: Uint8Array, options: Record<string, unknown> = {}): Promise<JobDetail> {
  const response = await send(service.url, 'mask', image, { way: 'json', options });
  await response.arrayBuffer();
  expect(response.status).toBe(200);
  const job = await storedJob(service, response);
  return get<JobDetail>(`/jobs/${job.id}`);
}

async function versionsOf(imageId: string): Promise<AdminVersionBody[]> {
  return adminVersionsSchema.parse(await get<AdminVersionsBody>(`/images/${imageId}/versions`)).versions;
}

async function bytesOf(path: string): Promise<Buffer> {
  const response = await asAdmin(service, path);
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

async function fileAt(url: string | null): Promise<Buffer> {
  return Buffer.from(await (await fetch(new URL(url!, service.url))).arrayBuffer());
}

const made = async (answer: Promise<Response>) =>
  adminVersionSchema.strict().parse(await readJson<AdminVersionBody>(answer));

let seed = 100;
/** A crowd that no other test has masked */
async function newCrowd(format: 'jpeg' | 'png' = 'jpeg'): Promise<{ image: Buffer; job: JobDetail; imageId: string }> {
  const image = Buffer.from(await encode(crowd(4, { seed: seed++, width: 640, height: 480 }), format));
  const job = await mask(image);
  return { image, job, imageId: job.image_id! };
}

const more: Mask = { left: 10, top: 12, right: 60, bottom: 70, shape: 'box' };

describe('the versions of a masked image', () => {
  it('begin with the result of the service, and the same masks give the same bytes', async () => {
    const { job, imageId } = await newCrowd();
    const [first, ...others] = await versionsOf(imageId);
    expect(others).toEqual([]);
    expect(first).toMatchObject({ id: job.id, number: 1, state: 'approved', is_served: true, author: null });
    expect(first!.masks).toHaveLength(job.masked_count!);
    const masked = await fileAt(job.result_url);
    expect(sha256(masked)).toBe(first!.sha256);
    const preview = await post('reviewer', `/images/${imageId}/versions/preview`, { masks: plain(first!.masks) });
    expect(sha256(Buffer.from(await preview.arrayBuffer()))).toBe(first!.sha256);
    expect(await versionsOf(imageId)).toHaveLength(1);
  });

  it('carry the metadata that the first one carries', async () => {
    const drawn = await encode(crowd(2, { seed: seed++, width: 640, height: 480 }), 'jpeg');
    const image = await sharp(drawn)
      .withExif({ IFD0: { Artist: 'Anna Beispiel' } })
      .jpeg()
      .toBuffer();
    const { image_id: imageId } = await mask(image, { metadata: ['credit'] });
    const [first] = await versionsOf(imageId!);
    const masks = [...plain(first!.masks), more];
    await made(post('reviewer', `/images/${imageId!}/versions`, { based_on: first!.id, masks, reason: 'missed' }));
    const { exif } = await sharp(await bytesOf(`/images/${imageId!}/result`)).metadata();
    expect(exif?.toString('latin1')).toContain('Anna Beispiel');
  });

  it('are corrected by a reviewer, served at every address of the result, and keep what was before', async () => {
    const { image, job, imageId } = await newCrowd();
    const [first] = await versionsOf(imageId);
    const before = await fileAt(job.result_url);
    const masks = [...plain(first!.masks), more];
    const second = await made(
      post('reviewer', `/images/${imageId}/versions`, { based_on: first!.id, masks, reason: 'missed', note: 'left' }),
    );
    expect(second).toMatchObject({
      number: 2,
      state: 'approved',
      is_served: true,
      based_on: first!.id,
      author: 'user:reviewer',
      reason: 'missed',
      note: 'left',
      uncovers: false,
      previous_sha256: first!.sha256,
    });
    expect(second.masks.at(-1)).toEqual({ ...more, origin: 'added' });
    expect(second.masks.slice(0, -1)).toEqual(first!.masks);

    const now = await bytesOf(`/images/${imageId}/result`);
    expect(sha256(now)).toBe(second.sha256);
    const detail = await get<ImageDetail>(`/images/${imageId}`);
    expect(detail.version).toBe(2);
    const after = await get<JobDetail>(`/jobs/${job.id}`);
    expect(after.result_version).toBe(2);
    for (const url of [detail.result_url, after.result_url, second.result_url]) expect(await fileAt(url)).toEqual(now);
    const old = (await versionsOf(imageId)).at(-1)!;
    expect(old).toMatchObject({ number: 1, is_served: false });
    expect(await fileAt(old.result_url)).toEqual(before);

    const verified = await readJson<CheckedBody>(
      fetch(`${service.url}/api/v1/receipts/verify`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ image: now.toString('base64'), receipt: second.receipt }),
      }),
    );
    expect(verified).toMatchObject({ valid: true, image: 'output' });
    expect(verified.receipt).toMatchObject({
      input_sha256: sha256(image),
      version: {
        id: second.id,
        previous_sha256: first!.sha256,
        author: 'user:reviewer',
        reason: 'missed',
        note: 'left',
        added: 1,
        removed: 0,
      },
    });
  });

  it.each([
    ['without one of them', (masks: Mask[]) => masks.slice(1)],
    ['without any', () => []],
    ['with one that is smaller', ([one, ...others]: Mask[]) => [{ ...one!, right: one!.right - 4 }, ...others]],
    [
      'with one that was moved',
      ([one, ...others]: Mask[]) => [{ ...one!, left: one!.left + 5, right: one!.right + 5 }, ...others],
    ],
    [
      'with the same box in another shape',
      (masks: Mask[]) => masks.map((each) => ({ ...each, shape: 'ellipse' as const })),
    ],
  ])('let nobody make a pixel visible without the right: masks %s', async (_, change) => {
    const { imageId } = await newCrowd();
    const [first] = await versionsOf(imageId);
    const boxes = plain(first!.masks).map((each) => ({ ...each, shape: 'box' as const }));
    const whole = await made(
      post('reviewer', `/images/${imageId}/versions`, { based_on: first!.id, masks: boxes, reason: 'larger' }),
    );
    const edit = { based_on: whole.id, masks: change(boxes), reason: 'may stay' };
    const refused = await post('reviewer', `/images/${imageId}/versions`, edit);
    expect((await expectProblem(refused, 403, 'forbidden')).detail).toContain('unmask');
    expect(await versionsOf(imageId)).toHaveLength(2);

    const visible = [{ left: 1, top: 1, right: 20, bottom: 20, reason: 'the speaker' }];
    const third = await made(post('unmasker', `/images/${imageId}/versions`, { ...edit, visible }));
    expect(third).toMatchObject({ number: 3, uncovers: true, visible, author: 'user:unmasker', is_served: true });
    const { rows } = await get<AuditPage>('/audit?limit=1');
    expect(rows[0]).toMatchObject({ action: 'unmask', actor: 'user:unmasker', subject: imageId });
  });

  it('go back to an earlier one by a new one, which nobody can use to get round the right', async () => {
    const { imageId } = await newCrowd();
    const [first] = await versionsOf(imageId);
    const path = `/images/${imageId}/versions`;
    const second = await made(
      post('reviewer', path, { based_on: first!.id, masks: [...plain(first!.masks), more], reason: 'missed' }),
    );
    const back = { based_on: second.id, restore: 1, reason: 'no face' };
    await expectProblem(await post('reviewer', path, back), 403, 'forbidden');
    const third = await made(post('unmasker', path, back));
    expect(third).toMatchObject({ number: 3, masks: first!.masks, sha256: first!.sha256 });
    const missing = await post('unmasker', path, { ...back, based_on: third.id, restore: 9 });
    await expectProblem(missing, 404, 'not-found');
  });

  it('of two people at once: one is told of the newer one, and both lists are kept or were never taken', async () => {
    const { imageId } = await newCrowd();
    const [first] = await versionsOf(imageId);
    const path = `/images/${imageId}/versions`;
    const editOf = (left: number) => ({
      based_on: first!.id,
      masks: [...plain(first!.masks), { ...more, left, right: left + 30 }],
      reason: `at ${left}`,
    });
    const answers = await Promise.all([10, 50, 90, 130].map((left) => post('reviewer', path, editOf(left))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    const winner = (await answers.find(({ status }) => status === 201)!.json()) as AdminVersionBody;
    for (const answer of answers.filter(({ status }) => status === 409)) {
      expect(((await answer.json()) as Problem).current_version).toEqual({
        id: winner.id,
        number: 2,
        author: 'user:reviewer',
      });
    }
    expect((await versionsOf(imageId)).map(({ number }) => number)).toEqual([2, 1]);
    const again = {
      ...editOf(200),
      based_on: winner.id,
      masks: [...plain(winner.masks), { ...more, left: 200, right: 230 }],
    };
    expect((await made(post('reviewer', path, again))).number).toBe(3);
  });

  it('vanish with their image', async () => {
    const { imageId } = await newCrowd();
    const [first] = await versionsOf(imageId);
    const path = `/images/${imageId}/versions`;
    const edit = { based_on: first!.id, masks: [...plain(first!.masks), more], reason: 'missed' };
    const second = await made(post('reviewer', path, edit));
    expect((await asAdmin(service, `/images/${imageId}`, { method: 'DELETE' })).status).toBe(200);
    expect((await fetch(new URL(second.result_url!, service.url))).status).toBe(404);
    await expectProblem(await post('reviewer', path, { ...edit, based_on: second.id }), 404, 'not-found');
    await expectProblem(await asAdmin(service, `/images/${imageId}/result`), 404, 'not-found');
  });

  it.each([
    ['a mask outside the image', { masks: [{ ...more, left: 700, right: 710 }] }, 'masks[0]'],
    ['a box with its sides swapped', { masks: [{ ...more, right: 1 }] }, 'right must be greater'],
    ['no reason', { masks: [more], reason: '' }, 'reason'],
    ['neither masks nor a version', {}, 'masks'],
    ['a frame that the image does not have', { masks: [{ ...more, frame: 3 }] }, 'frame'],
  ])('are not made from %s', async (_, wrong, problem) => {
    const { imageId } = await newCrowd();
    const [first] = await versionsOf(imageId);
    const response = await post('unmasker', `/images/${imageId}/versions`, {
      based_on: first!.id,
      reason: 'a test',
      ...wrong,
    });
    expect(response.status).toBe(400);
    expect(((await response.json()) as Problem).detail).toContain(problem);
    expect(await versionsOf(imageId)).toHaveLength(1);
  });
});

describe('with FACE_API_UNMASK_SECOND_PERSON', () => {
  it('a face becomes visible only when another person with the right approves it', async () => {
    const { imageId } = await newCrowd();
    const [first] = await versionsOf(imageId);
    const path = `/images/${imageId}/versions`;
    const [alone, own] = [service, sessions];
    service = await startService({ ...settings, FACE_API_UNMASK_SECOND_PERSON: 'true' });
    try {
      sessions = await logInAll(service);
      const without = plain(first!.masks).slice(1);
      const edit = { based_on: first!.id, masks: without, reason: 'the speaker' };
      const second = await made(post('unmasker', path, edit));
      expect(second).toMatchObject({ number: 2, state: 'pending', is_served: false });
      expect(sha256(await bytesOf(`/images/${imageId}/result`))).toBe(first!.sha256);

      for (const user of ['reviewer', 'unmasker'] as const) {
        await expectProblem(await post(user, `${path}/2/approval`, {}), 403, 'forbidden');
      }
      const approved = await made(post('second', `${path}/2/approval`, {}));
      expect(approved).toMatchObject({ state: 'approved', is_served: true, approved_by: 'user:second' });
      expect(sha256(await bytesOf(`/images/${imageId}/result`))).toBe(second.sha256);

      // Masking more needs nobody else; what waits meanwhile is not lost, and cannot replace it.
      const waiting = await made(
        post('unmasker', path, { based_on: second.id, masks: without.slice(1), reason: 'another' }),
      );
      await made(post('reviewer', path, { based_on: second.id, masks: [...without, more], reason: 'missed' }));
      const late = await post('second', `${path}/${waiting.number}/approval`, {});
      await expectProblem(late, 409, 'version-conflict');
      expect((await versionsOf(imageId)).map(({ number, state }) => [number, state])).toEqual([
        [4, 'approved'],
        [3, 'pending'],
        [2, 'approved'],
        [1, 'approved'],
      ]);
    } finally {
      await service.close();
      [service, sessions] = [alone, own];
    }
  });
});

const WIDTH = 96;
const HEIGHT = 72;

const anyMask = fc
  .record({
    left: fc.double({ min: -5, max: WIDTH - 4, noNaN: true }),
    top: fc.double({ min: -5, max: HEIGHT - 4, noNaN: true }),
    width: fc.double({ min: 8, max: 40, noNaN: true }),
    height: fc.double({ min: 8, max: 40, noNaN: true }),
    shape: fc.constantFrom('ellipse' as const, 'box' as const),
  })
  .map(({ left, top, width, height, shape }): Mask => ({
    left,
    top,
    right: left + width,
    bottom: top + height,
    shape,
  }));

describe('whatever the sequence of edits', () => {
  it('the served image is masked exactly by its list, and no byte depends on a pixel under the masks', async () => {
    const drawn = await sharp(await render(crowd(6, { seed: 5, width: 640, height: 480, background: 'room' })))
      .extract({ left: 100, top: 120, width: WIDTH, height: HEIGHT })
      .removeAlpha()
      .raw()
      .toBuffer();
    const toPng = (pixels: Uint8Array) =>
      sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
        .png()
        .toBuffer();
    let tries = 0;
    /** Each try has an image of its own: its number is in the last pixel. */
    const marked = (pixels: Uint8Array, number: number) => {
      const copy = Uint8Array.from(pixels);
      copy.set([number & 255, number >> 8], copy.length - 2);
      return copy;
    };

    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyMask, { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
        fc.constantFrom('invert' as const, 'flat' as const),
        // One color has no seam around it, so that every pixel can be told.
        fc.constantFrom('blur' as const, 'solid' as const),
        async (lists, change, method) => {
          const options = { detect: false, method };
          const pixels = marked(drawn, tries++);
          const image = await toPng(pixels);
          const job = await mask(image, options);
          const path = `/images/${job.image_id!}/versions`;
          let [current] = await versionsOf(job.image_id!);
          for (const masks of lists) {
            current = await made(post('unmasker', path, { based_on: current!.id, masks, reason: 'a test' }));
          }
          const masks = plain(current!.masks);
          expect(masks).toEqual(lists.at(-1));
          const servedBytes = await bytesOf(`/images/${job.image_id!}/result`);

          const covered = coverage(
            masks.map(({ shape, ...box }) => ({ kind: shape, box })),
            { width: WIDTH, height: HEIGHT },
          );
          const shown = await sharp(servedBytes).removeAlpha().raw().toBuffer();
          const other = Uint8Array.from(pixels);
          for (const [at, byte] of covered.entries()) {
            for (let channel = at * 3; channel < at * 3 + 3; channel++) {
              if (method === 'solid') expect(shown[channel]).toBe(byte === 0 ? pixels[channel] : 0);
              if (byte === 1) other[channel] = change === 'flat' ? 13 : 255 - pixels[channel]!;
            }
          }
          const twin = await send(service.url, 'mask', await toPng(other), {
            way: 'json',
            options: { ...options, regions: masks },
          });
          expect(Buffer.from(await twin.arrayBuffer()).equals(servedBytes)).toBe(true);
        },
      ),
      { numRuns: 15 },
    );
  });
});
