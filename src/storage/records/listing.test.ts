import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillWithJobs, IMAGES, ROWS } from '../../../test/fixtures/million-jobs.ts';
import { openDatabase } from '../../../test/fixtures/opened-database.ts';
import { plansOf, quickestMs } from '../../../test/fixtures/query-plans.ts';
import { createTestDatabase, type TestDatabase } from '../../../test/fixtures/test-database.ts';
import { auditEntity } from './audit.entity.ts';
import type { Database } from './database.ts';
import { imageEntity } from './image.entity.ts';
import { jobEntity } from './job.entity.ts';
import {
  type ImageFilter,
  type ImageSort,
  type JobFilter,
  type ListedJob,
  Listing,
  type Page,
  type PageRequest,
  type Sort,
} from './listing.ts';
import { BadCursorError } from './bad-cursor-error.ts';

const PAGE = 50;
const PAGE_MS = 50;

const JOB_FILTERS: [string, JobFilter][] = [
  ['no filter', {}],
  ['kind', { kind: 'detect' }],
  ['status', { status: 'failed' }],
  ['model, common', { modelName: 'embedded' }],
  ['model, rare', { modelName: 'experiment' }],
  ['model, unknown', { modelName: 'none' }],
  ['error, common', { errorCode: 'undecodable_image' }],
  ['error, rare', { errorCode: 'internal' }],
  ['faces, common', { minFaces: 1, maxFaces: 3 }],
  ['faces, rare', { minFaces: 50 }],
  ['faces, none such', { minFaces: 5000 }],
  ['uncertain faces', { hasUncertain: true }],
  ['uncertain faces of one model', { hasUncertain: true, modelName: 'old' }],
  ['a month of uncertain faces', { from: new Date('2025-05-01'), to: new Date('2025-06-01'), hasUncertain: true }],
  ['an hour', { from: new Date('2025-05-01T10:00Z'), to: new Date('2025-05-01T11:00Z') }],
  ['a month of failures', { from: new Date('2025-05-01'), to: new Date('2025-06-01'), status: 'failed' }],
  [
    'an hour of what went well',
    { from: new Date('2025-05-01T10:00Z'), to: new Date('2025-05-01T11:00Z'), status: 'done' },
  ],
  ['kind and status', { kind: 'mask', status: 'failed' }],
  ['status and model', { status: 'failed', modelName: 'old' }],
  ['kind and crowds', { kind: 'mask', minFaces: 50 }],
  ['image', { imageId: '01900000-0000-7000-8000-000000000abc' }],
  ['request', { requestId: 'request-77777' }],
  ['the end of an ID', { search: '0abcde' }],
  ['a whole ID', { search: '01900000-0000-7000-9000-00000000abcd' }],
  ['search for a request', { search: 'request-77777' }],
  ['the digest of an original', { search: 'abcd'.padStart(64, '0') }],
  ['the digest of a result', { search: `f${'abcd'.padStart(63, '0')}` }],
  ['what is not there', { search: 'nothing' }],
];
const IMAGE_FILTERS: [string, ImageFilter][] = [
  ['no filter', {}],
  ['type, common', { type: 'jpeg' }],
  ['type, rare', { type: 'tiff' }],
  ['an hour', { from: new Date('2025-05-01T10:00Z'), to: new Date('2025-05-01T11:00Z') }],
  ['crowds', { minFaces: 50 }],
  ['the end of an ID', { search: '00abcd' }],
  ['the ID of a job', { search: '01900000-0000-7000-9000-00000000abcd' }],
  ['the digest of an original', { search: 'abcd'.padStart(64, '0') }],
  ['the digest of a result', { search: `f${'abcd'.padStart(63, '0')}` }],
];
const IMAGE_SORTS: ImageSort[] = ['newest', 'oldest', 'most_faces', 'fewest_faces'];
const SORTS: Sort[] = [...IMAGE_SORTS, 'slowest', 'fastest'];

let testDatabase: TestDatabase;
let database: Database;
let listing: Listing;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url);
  const dataSource = await database.ready();
  listing = new Listing(
    database,
    dataSource.getRepository(jobEntity),
    dataSource.getRepository(imageEntity),
    dataSource.getRepository(auditEntity),
  );
  await fillWithJobs(dataSource);
}, 300_000);
afterAll(async () => {
  await database.close();
  await testDatabase.close();
});

type Read<Order extends Sort> = (page: PageRequest<Order>) => Promise<Page<unknown>>;

/** A cursor in the middle of all rows, as the page that ends there would give it. */
function middleOf(sort: Sort): string {
  const at = new Date('2025-06-15').getTime();
  const values: Partial<Record<Sort, string>> = {
    most_faces: '_f2',
    fewest_faces: '_f2',
    slowest: '_d99',
    fastest: '_d99',
  };
  return Buffer.from(`${at}_01900000-0000-7000-9000-000000050000${values[sort] ?? ''}`).toString('base64url');
}

const jobLists = JOB_FILTERS.map(([name, filter]): [string, Read<Sort>] => [
  name,
  (page) => listing.jobs(filter, page),
]);
const imageLists = IMAGE_FILTERS.map(([name, filter]): [string, Read<ImageSort>] => [
  name,
  (page) => listing.images(filter, page),
]);

async function expectQuickPages<Order extends Sort>(read: Read<Order>, sorts: readonly Order[]): Promise<void> {
  for (const sort of sorts) {
    for (const after of [undefined, middleOf(sort)]) {
      const page = { limit: PAGE, sort, after };
      const plan = await plansOf(database, () => read(page));
      // Nothing is asked where there can be nothing: failed jobs by faces, or a page after the end of the period.
      if (plan === '') continue;
      expect(plan, `${sort} ${after ? 'from the middle' : 'from the start'}`).toMatch(/Index .*Scan/);
      expect(plan).not.toMatch(/Seq Scan/);
      const ms = await quickestMs(() => read(page), PAGE_MS / 2);
      expect(ms, `${sort} ${after ? 'from the middle' : 'from the start'}\n${plan}`).toBeLessThan(PAGE_MS);
    }
  }
}

describe(`with ${ROWS} jobs and ${IMAGES} images`, () => {
  it.each(jobLists)(
    'each page of jobs by %s is read from an index, at once, at any depth and in any order',
    async (_name, read) => {
      await expectQuickPages(read, SORTS);
    },
  );

  it.each(imageLists)(
    'each page of images by %s is read from an index, at once, at any depth and in any order',
    async (_name, read) => {
      await expectQuickPages(read, IMAGE_SORTS);
    },
  );

  it('a page takes as long at the end as at the start', async () => {
    const times = { start: await quickestMs(() => listing.jobs({}, { limit: PAGE }), PAGE_MS / 2), end: 0 };
    const lastButOne = Buffer.from(
      `${new Date('2025-01-01T01:00Z').getTime()}_01900000-0000-7000-9000-000000000001`,
    ).toString('base64url');
    const page = await listing.jobs({}, { limit: PAGE, after: lastButOne });
    expect(page.rows).toHaveLength(PAGE);
    times.end = await quickestMs(() => listing.jobs({}, { limit: PAGE, after: lastButOne }), PAGE_MS / 2);
    process.stdout.write(
      `a page of ${PAGE} out of ${ROWS} jobs: ${times.start.toFixed(1)} ms at the start, ${times.end.toFixed(1)} ms at the end\n`,
    );
  });
});

describe('filters', () => {
  it.each(JOB_FILTERS)('by %s give what they say', async (_name, filter) => {
    const { rows } = await listing.jobs(filter, { limit: 20 });
    for (const row of rows) {
      if (filter.kind) expect(row.kind).toBe(filter.kind);
      if (filter.status) expect(row.status).toBe(filter.status);
      if (filter.modelName) expect(row.modelName).toBe(filter.modelName);
      if (filter.errorCode) expect(row.errorCode).toBe(filter.errorCode);
      if (filter.imageId) expect(row.imageId).toBe(filter.imageId);
      if (filter.requestId) expect(row.requestId).toBe(filter.requestId);
      if (filter.minFaces !== undefined) expect(row.faceCount).toBeGreaterThanOrEqual(filter.minFaces);
      if (filter.from) expect(row.createdAt.getTime()).toBeGreaterThanOrEqual(filter.from.getTime());
      if (filter.to) expect(row.createdAt.getTime()).toBeLessThan(filter.to.getTime());
    }
    const isEmpty = filter.modelName === 'none' || filter.minFaces === 5000 || filter.search === 'nothing';
    expect(rows.length > 0).toBe(!isEmpty);
  });
});

describe('a search', () => {
  const job = '01900000-0000-7000-9000-00000000abcd';
  // 0xabcd is 43981: its image is the next one.
  const image = '01900000-0000-7000-8000-00000000abce';
  const digestOfOriginal = 'abce'.padStart(64, '0');
  const digestOfResult = `f${'abcd'.padStart(63, '0')}`;

  it.each([
    ['the ID', job],
    ['the last eight characters of the ID', '0000abcd'],
    ['the ID in capitals', job.toUpperCase()],
    ['the ID of the request', 'request-43981'],
    ['the digest of the result', digestOfResult],
  ])('finds one job and its image by %s', async (_name, search) => {
    const jobs = await listing.jobs({ search }, { limit: 20 });
    expect(jobs.rows.map(({ id }) => id)).toEqual([job]);
    const images = await listing.images({ search }, { limit: 20 });
    expect(images.rows.map(({ id }) => id)).toContain(image);
  });

  it.each([
    ['ID', image],
    ['digest', digestOfOriginal],
  ])('finds an image and all its jobs by its %s', async (_name, search) => {
    const images = await listing.images({ search }, { limit: 20 });
    expect(images.rows.map(({ id }) => id)).toEqual([image]);
    const jobs = await listing.jobs({ search }, { limit: 20 });
    expect(jobs.rows).toHaveLength(ROWS / IMAGES);
    expect(new Set(jobs.rows.map(({ imageId }) => imageId))).toEqual(new Set([image]));
    expect(jobs.rows.map(({ id }) => id)).toContain(job);
  });

  it.each(['%', '____', '0', 'abc', 'request-%', "' OR true --"])('takes %s for no pattern', async (search) => {
    expect((await listing.jobs({ search }, { limit: 20 })).rows).toEqual([]);
    expect((await listing.images({ search }, { limit: 20 })).rows).toEqual([]);
  });

  it('gives every row once, page by page', async () => {
    const whole = (await listing.jobs({ search: image }, { limit: 20 })).rows;
    const first = await listing.jobs({ search: image }, { limit: 2 });
    const rest = await listing.jobs({ search: image }, { limit: 20, after: first.next! });
    expect([...first.rows, ...rest.rows]).toEqual(whole);
  });

  it('goes together with the filters and the orders', async () => {
    const search = digestOfOriginal;
    const all = (await listing.jobs({ search }, { limit: 20, sort: 'fastest' })).rows;
    const kind = 'detect';
    const some = (await listing.jobs({ search, kind }, { limit: 20, sort: 'fastest' })).rows;
    expect(some).toEqual(all.filter((one) => one.kind === kind));
    expect(all.map(({ durationMs }) => durationMs)).toEqual(
      all.map(({ durationMs }) => durationMs).toSorted((a, b) => a - b),
    );
  });
});

describe('paging', () => {
  async function walk(filter: JobFilter, sort: Sort, limit: number): Promise<ListedJob[]> {
    const all: ListedJob[] = [];
    let after: string | undefined;
    do {
      const page = await listing.jobs(filter, { limit, sort, after });
      expect(page.rows.length).toBeLessThanOrEqual(limit);
      all.push(...page.rows);
      after = page.next ?? undefined;
    } while (after !== undefined);
    return all;
  }

  it.each(SORTS)('by %s gives every row once, in order', async (sort) => {
    const filter = { errorCode: undefined, from: new Date('2025-03-01'), to: new Date('2025-03-01T05:00Z') };
    const rows = await walk(filter, sort, 37);
    const byFaces = sort.endsWith('faces');
    const byDuration = sort === 'slowest' || sort === 'fastest';
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    // Two jobs a minute for five hours, of which one in twenty failed and has no count.
    expect(rows).toHaveLength(byFaces ? 570 : 600);
    const keys = rows.map(
      ({ faceCount, durationMs, createdAt, id }) =>
        `${String(byFaces ? faceCount : byDuration ? durationMs : 0).padStart(4, '0')} ${byDuration ? '' : createdAt.toISOString()} ${id}`,
    );
    const expected = keys.toSorted();
    const isDescending = ['newest', 'most_faces', 'slowest'].includes(sort);
    expect(keys).toEqual(isDescending ? expected.reverse() : expected);
  });

  it.each<[string, JobFilter]>([
    ['one filter', { status: 'failed' }],
    ['two filters', { status: 'failed', kind: 'mask' }],
  ])('with %s gives every row once', async (_name, filter) => {
    const period = { from: new Date('2025-03-01'), to: new Date('2025-03-01T12:00Z') };
    const all = await walk(period, 'oldest', 500);
    const expected = all.filter(({ kind, status }) => status === filter.status && kind === (filter.kind ?? kind));
    expect(await walk({ ...period, ...filter }, 'oldest', 7)).toEqual(expected);
    expect(await walk({ ...period, ...filter }, 'newest', 7)).toEqual(expected.toReversed());
    const bySpeed = expected.toSorted((one, two) => one.durationMs - two.durationMs || (one.id < two.id ? -1 : 1));
    expect(await walk({ ...period, ...filter }, 'fastest', 7)).toEqual(bySpeed);
    expect(await walk({ ...period, ...filter }, 'slowest', 7)).toEqual(bySpeed.toReversed());
  });

  it('is refused a cursor that is not of this list', async () => {
    const { next } = await listing.jobs({}, { limit: 1 });
    for (const after of ['', 'x', next!.slice(3), `${next!}AAAA`]) {
      await expect(listing.jobs({}, { limit: 1, after }), after).rejects.toThrow(BadCursorError);
    }
    const byFaces = await listing.jobs({}, { limit: 1, sort: 'most_faces' });
    for (const after of [next!, byFaces.next!]) {
      await expect(listing.jobs({}, { limit: 1, sort: 'slowest', after })).rejects.toThrow(BadCursorError);
    }
    await expect(listing.jobs({}, { limit: 1, sort: 'most_faces', after: next! })).rejects.toThrow(BadCursorError);
  });
});
