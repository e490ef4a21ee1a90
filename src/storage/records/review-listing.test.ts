import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillWithReviews, REVIEWS } from '../../../test/fixtures/million-reviews.ts';
import { openDatabase } from '../../../test/fixtures/opened-database.ts';
import { plansOf, quickestMs } from '../../../test/fixtures/query-plans.ts';
import { createTestDatabase, type TestDatabase } from '../../../test/fixtures/test-database.ts';
import { REASONS } from '../doubts.ts';
import { BadCursorError } from './bad-cursor-error.ts';
import type { Database } from './database.ts';
import { type ListedReview, type ReviewFilter, ReviewListing } from './review-listing.ts';

const PAGE = 50;
const PAGE_MS = 50;
/** Eleven counts of up to 10,000 rows each */
const COUNTS_MS = 200;

const state = 'open' as const;
const HOUR = { from: new Date('2025-05-01T10:00Z'), to: new Date('2025-05-01T11:00Z') };
const FILTERS: [string, ReviewFilter][] = [
  ['open', { state }],
  ['approved', { state: 'approved' }],
  ['sent back', { state: 'sent_back' }],
  ['any reason', { state, reason: 'any' }],
  ...REASONS.map((reason): [string, ReviewFilter] => [reason, { state, reason }]),
  ['a common reason, sent back', { state: 'sent_back', reason: 'uncertain_faces' }],
  ['mine', { state, claim: { kind: 'mine', holder: 'user:4' } }],
  ['unclaimed', { state, claim: { kind: 'unclaimed', holder: 'user:4' } }],
  ['unclaimed with a reason', { state, reason: 'cut_faces', claim: { kind: 'unclaimed', holder: 'user:4' } }],
  ['an hour', { state, ...HOUR }],
  ['an hour of any reason', { state, reason: 'any', ...HOUR }],
  ['a month', { state, from: new Date('2025-05-01'), to: new Date('2025-06-01') }],
  ['a month of a rare reason', { state, reason: 'reported', from: new Date('2025-05-01'), to: new Date('2025-06-01') }],
  ['the end of an ID', { state, search: '00abcd' }],
  ['the digest of an original', { state, search: 'abcd'.padStart(64, '0') }],
  ['what is not there', { state, search: 'nothing' }],
];

let testDatabase: TestDatabase;
let database: Database;
let listing: ReviewListing;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url);
  listing = new ReviewListing(database);
  await fillWithReviews(await database.ready());
}, 300_000);
afterAll(async () => {
  await database.close();
  await testDatabase.close();
});

/** A cursor in the middle of the doubts, as the page that ends there would give it. */
const MIDDLE = Buffer.from('21_01900000-0000-7000-8000-000000050000').toString('base64url');

describe(`with ${REVIEWS} images in the queue`, () => {
  it.each(FILTERS)('each page of %s is read from an index, at once and at any depth', async (_name, filter) => {
    for (const after of [undefined, MIDDLE]) {
      const read = () => listing.page(filter, { limit: PAGE, after });
      const plan = await plansOf(database, read);
      expect(plan).toMatch(/Index .*Scan/);
      expect(plan).not.toMatch(/Seq Scan on (reviews|images)/);
      expect(await quickestMs(read, PAGE_MS / 2), `${after}\n${plan}`).toBeLessThan(PAGE_MS);
    }
  });

  it.each(FILTERS)('those of %s are counted at once', async (_name, filter) => {
    const read = () => listing.total(filter);
    const plan = await plansOf(database, read);
    expect(await quickestMs(read, PAGE_MS / 2), plan).toBeLessThan(PAGE_MS);
  });

  it('all counts and figures are read at once', async () => {
    const since = new Date(Date.now() - 86_400_000);
    const readCounts = () => listing.counts(since);
    expect(await quickestMs(readCounts, COUNTS_MS / 2), await plansOf(database, readCounts)).toBeLessThan(COUNTS_MS);
    const readFigures = () => listing.figures();
    expect(await quickestMs(readFigures, COUNTS_MS / 2), await plansOf(database, readFigures)).toBeLessThan(COUNTS_MS);
    const { states, reasons, done, countedUpTo } = await listing.counts(since);
    expect(states).toEqual({ open: countedUpTo, approved: countedUpTo, sent_back: countedUpTo });
    expect(reasons.unverified).toBe(115);
    expect(done).toBeGreaterThan(1400);
  });
});

describe('paging', () => {
  async function walk(filter: ReviewFilter, limit: number): Promise<readonly ListedReview[]> {
    const all: ListedReview[] = [];
    let after: string | undefined;
    do {
      const page = await listing.page(filter, { limit, after });
      all.push(...page.rows);
      after = page.next ?? undefined;
    } while (after !== undefined);
    return all;
  }

  it.each<[string, ReviewFilter]>([
    ['a period', { state, ...HOUR }],
    ['a rare reason', { state, reason: 'unverified' }],
  ])('through %s gives every image once, the highest doubt first', async (_name, filter) => {
    const rows = await walk(filter, 7);
    expect(rows.length).toBe(await listing.total(filter));
    expect(new Set(rows.map(({ image }) => image.id)).size).toBe(rows.length);
    const keys = rows.map(({ review }) => `${String(review.doubt).padStart(4, '0')} ${review.imageId}`);
    expect(keys).toEqual(keys.toSorted().reverse());
  });

  it('is refused a cursor that is not of this list', async () => {
    const { next } = await listing.page({ state }, { limit: 1 });
    for (const after of ['', 'x', `${next!}AAAA`]) {
      await expect(listing.page({ state }, { limit: 1, after }), after).rejects.toThrow(BadCursorError);
    }
  });
});
