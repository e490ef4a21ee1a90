import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../src/admin/access/password.ts';
import { writeUsers } from '../src/admin/access/users-file.ts';
import type { AuditPage, ImageDetail, JobDetail, JobPage } from '../src/admin/kept/schemas.ts';
import {
  type DecisionResults,
  decisionResultsSchema,
  type ReviewClaim,
  type ReviewCountsBody,
  reviewCountsSchema,
  type ReviewFiguresBody,
  reviewFiguresSchema,
  type ReviewItem,
  reviewItemSchema,
  type ReviewPage,
  reviewPageSchema,
} from '../src/admin/review/queue-schemas.ts';
import type { AdminVersionBody, AdminVersionsBody } from '../src/admin/review/schemas.ts';
import type { Problem } from '../src/errors/problem.ts';
import { Pruner } from '../src/storage/maintenance/pruner.ts';
import { Database } from '../src/storage/records/database.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { crowd, cutByBorder, encode, portrait, type Scene } from './fixtures/portraits.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { ADMIN_ENVIRONMENT, asAdmin, readJson, storedJob } from './support/admin-client.ts';
import { loggedIn } from './support/operator.ts';
import { expectProblem, send, type Service, startService, until } from './support/service.ts';

const PASSWORD = 'a password for all of them';
const USERS = ['anna', 'ben', 'vera'] as const;
type User = (typeof USERS)[number];

let folder: string;
let database: TestDatabase;
let service: Service;
let sessions: Record<User, Record<string, string>>;

beforeAll(async () => {
  folder = await makeDataFolder('review');
  database = await createTestDatabase();
  const users = join(folder, 'users.json');
  const password_hash = await hashPassword(PASSWORD);
  await writeUsers(
    users,
    [...USERS, 'root'].map((name) => ({
      name,
      role: name === 'root' ? 'admin' : name === 'vera' ? 'unmasker' : 'reviewer',
      password_hash,
    })),
  );
  service = await startService({
    ...ADMIN_ENVIRONMENT,
    FACE_API_ADMIN_USERS: users,
    FACE_API_STORAGE_ENABLED: 'true',
    FACE_API_DATA_FOLDER: folder,
    DATABASE_URL: database.url,
  });
  const entries = USERS.map(async (name) => [name, await loggedIn(service.url, { name, password: PASSWORD })] as const);
  sessions = Object.fromEntries(await Promise.all(entries)) as typeof sessions;
});
afterAll(async () => {
  await service.close();
  await database.close();
  await rm(folder, { recursive: true });
});

function as(user: User, method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${service.url}/api/v1/admin${path}`, {
    method,
    headers: { ...sessions[user], ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: body === undefined ? null : JSON.stringify(body),
  });
}

const get = <Body>(path: string) => readJson<Body>(asAdmin(service, path));
const queue = async (query = '') => reviewPageSchema.parse(await get<ReviewPage>(`/review?limit=200&${query}`));
const reviewOf = async (id: string) => reviewItemSchema.strict().parse(await get<ReviewItem>(`/images/${id}/review`));
const counts = async () => reviewCountsSchema.strict().parse(await get<ReviewCountsBody>('/review/counts'));

let seed = 400;
const drawn = (people = 2): Scene => crowd(people, { seed: seed++, width: 640, height: 480 });

/** Masks an image by the public route, and waits until its job is stored. */
async function mask(image: Uint8Array, options: Record<string, unknown> = {}): Promise<JobDetail> {
  const response = await send(service.url, 'mask', image, { way: 'json', options });
  await response.arrayBuffer();
  expect(response.status).toBe(200);
  const job = await storedJob(service, response);
  return get<JobDetail>(`/jobs/${job.id}`);
}

async function maskedScene(scene: Scene, options: Record<string, unknown> = {}): Promise<JobDetail> {
  return mask(Buffer.from(await encode(scene, 'jpeg')), options);
}

/** An image of its own, and what a decision on it is based on */
async function newImage(): Promise<{ id: string; basedOn: string; image: Buffer }> {
  const image = Buffer.from(await encode(drawn(), 'jpeg'));
  const job = await mask(image);
  return { id: job.image_id!, basedOn: job.id, image };
}

const decide = (user: User, id: string, body: object) => as(user, 'POST', `/images/${id}/decision`, body);
const claim = (user: User, id: string, body: object = {}) => as(user, 'PUT', `/images/${id}/claim`, body);

/** A correction that adds a mask */
async function correct(user: User, id: string): Promise<AdminVersionBody> {
  const { versions } = await get<AdminVersionsBody>(`/images/${id}/versions`);
  const current = versions.find(({ is_served }) => is_served)!;
  const masks = current.masks.map(({ left, top, right, bottom, shape }) => ({ left, top, right, bottom, shape }));
  const more = { left: 10, top: 12, right: 60, bottom: 70, shape: 'box' };
  const body = { based_on: current.id, masks: [...masks, more], reason: 'missed face' };
  return readJson<AdminVersionBody>(as(user, 'POST', `/images/${id}/versions`, body));
}

describe('the queue', () => {
  it('has each masked image once, with the reasons of its newest masking, the highest doubt first', async () => {
    const plain = await maskedScene(portrait({ seed: seed++, width: 640, height: 480, faceHeight: 200 }));
    const cut = await maskedScene(cutByBorder('left', { seed: seed++ }));
    const uncertain = await maskedScene(drawn(3), { threshold: 0.99, review_threshold: 0.3 });
    const hurried = await maskedScene(crowd(2, { seed: seed++, width: 1600, height: 1200 }), { latency_budget_ms: 1 });
    expect((await reviewOf(plain.image_id!)).reasons).toEqual([]);
    expect((await reviewOf(cut.image_id!)).reasons).toContainEqual({ reason: 'cut_faces', count: 1 });
    const count = uncertain.uncertain_count!;
    expect(count).toBeGreaterThan(0);
    expect((await reviewOf(uncertain.image_id!)).reasons).toContainEqual({ reason: 'uncertain_faces', count });
    expect((await reviewOf(hurried.image_id!)).reasons.map(({ reason }) => reason)).toContain('coarse_search');

    const { rows, total } = await queue();
    const ids = rows.map(({ image }) => image.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(total).toBe(rows.length);
    expect(ids).toEqual(expect.arrayContaining([plain, cut, uncertain, hurried].map(({ image_id }) => image_id)));
    const doubts = rows.map(({ doubt }) => doubt);
    expect(doubts).toEqual(doubts.toSorted((a, b) => b - a));
    for (const reason of ['cut_faces', 'uncertain_faces', 'coarse_search'] as const) {
      const some = await queue(`reason=${reason}`);
      expect(some.rows.length).toBeGreaterThan(0);
      expect(some.rows.every((row) => row.reasons.some((one) => one.reason === reason))).toBe(true);
      expect((await counts()).reasons[reason]).toBe(some.rows.length);
    }
    const any = await queue('reason=any');
    expect(any.rows.map(({ image }) => image.id)).not.toContain(plain.image_id);

    const again = await mask(await fileOf(uncertain));
    expect(again.image_id).toBe(uncertain.image_id);
    const now = await reviewOf(uncertain.image_id!);
    expect(now.reasons.map(({ reason }) => reason)).not.toContain('uncertain_faces');
    expect(now.version_id).toBe(again.id);
  });

  it('has no images that were only searched for faces, and none whose masking failed', async () => {
    const before = (await queue()).total;
    const image = Buffer.from(await encode(drawn(), 'jpeg'));
    const response = await send(service.url, 'detect', image);
    await response.arrayBuffer();
    await send(service.url, 'mask', Buffer.from('not an image'));
    await until(async () => (await get<JobPage>(`/jobs?status=failed`)).rows.length > 0);
    await storedJob(service, response);
    expect((await queue()).total).toBe(before);
  });

  it('is filtered by time, by an ID and by who works on what, and paged', async () => {
    const one = await newImage();
    const two = await newImage();
    expect((await queue(`search=${one.id.slice(-8)}`)).rows.map(({ image }) => image.id)).toEqual([one.id]);
    const { masked_at } = await reviewOf(one.id);
    const from = new Date(Date.parse(masked_at) + 1).toISOString();
    expect((await queue(`from=${masked_at}&to=${from}`)).rows.map(({ image }) => image.id)).toEqual([one.id]);
    expect((await claim('anna', two.id)).status).toBe(200);
    const mine = reviewPageSchema.parse(await readJson(as('anna', 'GET', '/review?claim=mine')));
    expect(mine.rows.map(({ image }) => image.id)).toEqual([two.id]);
    const free = await queue('claim=unclaimed');
    expect(free.rows.map(({ image }) => image.id)).toContain(one.id);
    expect(free.rows.map(({ image }) => image.id)).not.toContain(two.id);

    const all = (await queue()).rows.map(({ image }) => image.id);
    const paged: string[] = [];
    let after = '';
    do {
      const page = await get<ReviewPage>(`/review?limit=2${after && `&after=${after}`}`);
      paged.push(...page.rows.map(({ image }) => image.id));
      after = page.next ?? '';
    } while (after !== '');
    expect(paged).toEqual(all);
    await expectProblem(await asAdmin(service, '/review?after=nonsense'), 400, 'invalid-request');
    await as('anna', 'DELETE', `/images/${two.id}/claim`);
  });

  it('forgets an image that is erased', async () => {
    const erased = await newImage();
    const kept = await newImage();
    await readJson(decide('anna', erased.id, { decision: 'approved', based_on: erased.basedOn }));
    await claim('anna', erased.id);
    expect((await asAdmin(service, `/images/${erased.id}`, { method: 'DELETE' })).status).toBe(200);
    await expectProblem(await asAdmin(service, `/images/${erased.id}/review`), 404, 'not-found');
    await expectProblem(
      await decide('anna', erased.id, { decision: 'approved', based_on: erased.basedOn }),
      404,
      'not-found',
    );
    expect(await reviewOf(kept.id)).toMatchObject({ state: 'open' });
  });
});

describe('a decision', () => {
  it('is stored with who, when, why and the version, and is in the audit log', async () => {
    const { id, basedOn } = await newImage();
    const before = Date.now();
    const body = { decision: 'sent_back', based_on: basedOn, note: 'second row, left' };
    const sentBack = reviewItemSchema.strict().parse(await readJson(decide('anna', id, body)));
    expect(sentBack).toMatchObject({
      state: 'sent_back',
      decided_by: 'user:anna',
      decided_version_id: basedOn,
      note: 'second row, left',
    });
    expect(Date.parse(sentBack.decided_at!)).toBeGreaterThanOrEqual(before);
    expect((await queue('state=sent_back')).rows.map(({ image }) => image.id)).toContain(id);
    expect((await queue()).rows.map(({ image }) => image.id)).not.toContain(id);
    expect(await reviewOf(id)).toEqual(sentBack);
    await readJson(decide('ben', id, { decision: 'approved', based_on: basedOn }));
    expect((await queue('state=approved')).rows.map(({ image }) => image.id)).toContain(id);
    const audit = (await get<AuditPage>('/audit')).rows.filter(({ subject }) => subject === id);
    expect(audit.map(({ action, actor, counts: numbers }) => [action, actor, numbers])).toEqual([
      ['approve_image', 'user:ben', { version: 1 }],
      ['send_back', 'user:anna', { version: 1 }],
    ]);
  });

  it('that is sent again, because the response was lost, is not counted again', async () => {
    const { id, basedOn } = await newImage();
    const first = await readJson<ReviewItem>(decide('anna', id, { decision: 'approved', based_on: basedOn }));
    const done = (await counts()).done;
    expect(await readJson<ReviewItem>(decide('anna', id, { decision: 'approved', based_on: basedOn }))).toEqual(first);
    const audit = (await get<AuditPage>('/audit')).rows.filter(({ subject }) => subject === id);
    expect(audit).toHaveLength(1);
    expect((await counts()).done).toBe(done);
  });

  it('on a version that is not served any more is refused, and names the current one', async () => {
    const { id, basedOn } = await newImage();
    const version = await correct('ben', id);
    const response = await decide('anna', id, { decision: 'approved', based_on: basedOn });
    expect(response.status).toBe(409);
    const problem = (await response.json()) as Problem;
    expect(problem.type).toBe('urn:face-api:problem:version-conflict');
    expect(problem.current_version).toEqual({ id: version.id, number: 2, author: 'user:ben' });
    expect(await reviewOf(id)).toMatchObject({ state: 'open', version_id: version.id, decided_by: null });
    await readJson(decide('anna', id, { decision: 'approved', based_on: version.id }));
  });

  it.each([
    ['a new version', ({ id }: { id: string }) => correct('vera', id)],
    ['a new masking', ({ image }: { image: Buffer }) => mask(image)],
  ] as const)('is open again after %s, and says what was decided before', async (_name, change) => {
    const made = await newImage();
    await readJson(decide('anna', made.id, { decision: 'sent_back', based_on: made.basedOn, note: 'again' }));
    await change(made);
    expect(await reviewOf(made.id)).toMatchObject({ state: 'open', decided_by: 'user:anna', note: 'again' });
  });

  it('on several images is made for each of them, and says which failed and why', async () => {
    const [one, two, three] = [await newImage(), await newImage(), await newImage()];
    await correct('vera', two.id);
    await claim('ben', three.id);
    const gone = '0190a0b0-0000-7000-8000-000000000000';
    const images = [one, two, three, { id: gone, basedOn: gone }].map(({ id, basedOn }) => ({ id, based_on: basedOn }));
    const { results } = decisionResultsSchema
      .strict()
      .parse(
        await readJson<DecisionResults>(as('anna', 'POST', '/review/decisions', { decision: 'approved', images })),
      );
    expect(results.map(({ review, problem }) => review?.state ?? problem?.type)).toEqual([
      'approved',
      'urn:face-api:problem:version-conflict',
      'urn:face-api:problem:claimed',
      'urn:face-api:problem:not-found',
    ]);
    expect(results.map(({ image_id }) => image_id)).toEqual(images.map(({ id }) => id));
    expect(results[2]!.problem!.detail).toContain('user:ben');
    await expectProblem(
      await as('anna', 'POST', '/review/decisions', { decision: 'approved', images: [] }),
      400,
      'invalid-request',
    );
  });
});

describe('a claim', () => {
  it('tells the second reviewer who works on an image, until it is released or taken over', async () => {
    const { id, basedOn } = await newImage();
    const mine = await readJson<ReviewClaim>(claim('anna', id));
    expect(mine).toMatchObject({ by: 'user:anna', is_mine: true });
    expect(Date.parse(mine.until) - Date.parse(mine.since)).toBe(300_000);
    const refused = await claim('ben', id);
    expect(refused.status).toBe(409);
    const problem = (await refused.json()) as Problem;
    expect(problem).toMatchObject({
      type: 'urn:face-api:problem:claimed',
      claim: { by: 'user:anna', since: mine.since },
    });
    expect((await reviewOf(id)).claim).toMatchObject({ by: 'user:anna', is_mine: false });
    await expectProblem(await decide('ben', id, { decision: 'approved', based_on: basedOn }), 409, 'claimed');

    expect(await readJson<ReviewClaim>(claim('ben', id, { take_over: true }))).toMatchObject({ by: 'user:ben' });
    // She learns of it when her page renews.
    expect((await claim('anna', id)).status).toBe(409);
    expect((await as('anna', 'DELETE', `/images/${id}/claim`)).status).toBe(204);
    expect((await reviewOf(id)).claim).toMatchObject({ by: 'user:ben' });
    expect((await as('ben', 'DELETE', `/images/${id}/claim`)).status).toBe(204);
    expect((await reviewOf(id)).claim).toBeNull();
  });

  it('is renewed by the same person without a new start, ends with its time, and with a decision', async () => {
    const { id, basedOn } = await newImage();
    const first = await readJson<ReviewClaim>(claim('anna', id));
    const second = await readJson<ReviewClaim>(claim('anna', id));
    expect(second.since).toBe(first.since);
    expect(Date.parse(second.until)).toBeGreaterThanOrEqual(Date.parse(first.until));
    const dataSource = await service.app.get(Database).ready();
    await dataSource.query(`UPDATE review_claims SET until = now() WHERE image_id = $1`, [id]);
    expect((await reviewOf(id)).claim).toBeNull();
    expect(await readJson<ReviewClaim>(claim('ben', id))).toMatchObject({ by: 'user:ben' });
    await readJson(decide('ben', id, { decision: 'approved', based_on: basedOn }));
    expect((await reviewOf(id)).claim).toBeNull();
  });

  it('goes only to images of the queue', async () => {
    await expectProblem(await claim('anna', '0190a0b0-0000-7000-8000-000000000000'), 404, 'not-found');
  });
});

describe('the figures', () => {
  it('are the median time from claim to decision, and the changed masks of a hundred', async () => {
    const { id, basedOn } = await newImage();
    const before = await figures('user:vera');
    await claim('vera', id);
    const dataSource = await service.app.get(Database).ready();
    await dataSource.query(`UPDATE review_claims SET since = since - interval '40 seconds' WHERE image_id = $1`, [id]);
    const first = (await get<AdminVersionsBody>(`/images/${id}/versions`)).versions[0]!;
    expect(first.id).toBe(basedOn);
    const version = await correct('vera', id);
    await readJson(decide('vera', id, { decision: 'approved', based_on: version.id }));
    const after = await figures('user:vera');
    expect(after.decisions - before.decisions).toBe(1);
    expect(after.median_seconds).toBeGreaterThanOrEqual(40);
    expect(after.median_seconds).toBeLessThan(100);
    expect(after.changes - before.changes).toBe(1);
    expect(after.faces - before.faces).toBe(first.masks.length);
    expect(after.changes_per_100_faces).toBeCloseTo((100 * after.changes) / after.faces, 0);
    const { all } = await get<ReviewFiguresBody>('/review/figures');
    expect(all.decisions).toBeGreaterThan(after.decisions);
  });

  async function figures(actor: string): Promise<ReviewFiguresBody['all']> {
    const body = reviewFiguresSchema.strict().parse(await get<ReviewFiguresBody>('/review/figures'));
    const none = { decisions: 0, median_seconds: null, faces: 0, changes: 0, changes_per_100_faces: null };
    return body.reviewers.find((each) => each.actor === actor) ?? none;
  }
});

describe('the one password', () => {
  it('gives everyone the same name; two browsers are told of each other all the same', async () => {
    const alone = await startService({
      FACE_API_ADMIN_PASSWORD_HASH: await hashPassword(PASSWORD),
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: database.url,
    });
    try {
      const { id } = await newImage();
      const [one, two] = [
        await loggedIn(alone.url, { password: PASSWORD }),
        await loggedIn(alone.url, { password: PASSWORD }),
      ];
      const take = (headers: Record<string, string>) =>
        fetch(`${alone.url}/api/v1/admin/images/${id}/claim`, {
          method: 'PUT',
          headers: { ...headers, 'content-type': 'application/json' },
          body: '{}',
        });
      expect(await readJson<ReviewClaim>(take(one))).toMatchObject({ by: 'console', is_mine: true });
      expect(((await (await take(two)).json()) as Problem).claim).toMatchObject({ by: 'console' });
      expect((await take(one)).status).toBe(200);
    } finally {
      await alone.close();
    }
  });
});

describe('retention', () => {
  it('takes images out of the queue whose masking it deletes', async () => {
    const { id } = await newImage();
    await service.app.get(Pruner).prune(new Date(Date.now() + 60_000), 'test');
    await expectProblem(await asAdmin(service, `/images/${id}/review`), 404, 'not-found');
    expect((await queue()).rows.filter(({ image }) => image.id === id)).toEqual([]);
  });
});

async function fileOf({ image_id }: JobDetail): Promise<Buffer> {
  const { original_url } = await get<ImageDetail>(`/images/${image_id!}`);
  return Buffer.from(await (await fetch(new URL(original_url!, service.url))).arrayBuffer());
}
