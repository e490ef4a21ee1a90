import { Injectable } from '@nestjs/common';
import type { DataSource, SelectQueryBuilder } from 'typeorm';
import { REASONS, type Reason } from '../doubts.ts';
import { served } from '../served-version.ts';
import { BadCursorError } from './bad-cursor-error.ts';
import { Database } from './database.ts';
import { type ImageRow, imageEntity } from './image.entity.ts';
import type { Page } from './listing.ts';
import {
  type ClaimRow,
  claimEntity,
  REVIEW_STATES,
  type ReviewRow,
  type ReviewState,
  reviewEntity,
} from './review.entity.ts';
import { searchImages } from './search.ts';
import { type VersionRow, versionEntity } from './version.entity.ts';

/** Counting ends here: an exact count of a million rows would take longer than reading the page. */
const COUNTED_UP_TO = 10_000;
/** A search identifies few images. */
const MAX_FOUND = 1000;
const FIGURES_DAYS = 30;

export interface ReviewFilter {
  readonly state: ReviewState;
  /** any: at least one */
  readonly reason?: Reason | 'any' | undefined;
  /** mine: those that this holder works on; unclaimed: those that nobody works on. */
  readonly claim?: { readonly kind: 'mine' | 'unclaimed'; readonly holder: string } | undefined;
  /** See search.ts. */
  readonly search?: string | undefined;
  /** Of the newest masking. Inclusive. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
}

/** An image of the queue, with what a list shows of it */
export interface ListedReview {
  readonly review: ReviewRow;
  readonly image: ImageRow;
  /** Null: nobody works on it. */
  readonly claim: ClaimRow | null;
  /** The version that is served */
  readonly version: { readonly id: string; readonly number: number };
}

export interface ReviewCounts {
  readonly states: Readonly<Record<ReviewState, number>>;
  /** Of open images */
  readonly reasons: Readonly<Record<Reason, number>>;
  /** Images that were decided on in the given period */
  readonly done: number;
  /** A count with this value may be higher. */
  readonly countedUpTo: number;
}

export interface ReviewFigures {
  /** Null: of all together. */
  readonly actor: string | null;
  readonly decisions: number;
  /** Null: no decision had a claim. */
  readonly medianSeconds: number | null;
  readonly faces: number;
  readonly changes: number;
}

/** Reads the queue. As in the other lists, each page starts after the values of the last row of the previous page. */
@Injectable()
export class ReviewListing {
  constructor(private readonly database: Database) {}

  /** The highest doubt first, and of the same doubt the newest first. */
  async page(filter: ReviewFilter, { limit, after }: { limit: number; after?: string | undefined }) {
    const dataSource = await this.database.ready();
    const query = await this.filtered(dataSource, filter);
    if (after !== undefined) {
      query.andWhere('(review.doubt, review.image_id) < (:afterDoubt, :afterId)', readCursor(after));
    }
    query.orderBy('review.doubt', 'DESC').addOrderBy('review.imageId', 'DESC');
    // One more row than requested shows whether there is another page.
    const rows = await query.limit(limit + 1).getMany();
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    const page: Page<ListedReview> = {
      rows: await complete(dataSource, rows.slice(0, limit)),
      next: last ? writeCursor(last) : null,
    };
    return page;
  }

  /** How many images match, up to a limit. */
  async total(filter: ReviewFilter): Promise<number> {
    const dataSource = await this.database.ready();
    const query = await this.filtered(dataSource, filter);
    return countUpTo(dataSource, query);
  }

  /** @returns null if the image is not in the queue */
  async find(imageId: string): Promise<ListedReview | null> {
    const dataSource = await this.database.ready();
    const review = await dataSource.manager.findOneBy(reviewEntity, { imageId });
    return review && ((await complete(dataSource, [review]))[0] ?? null);
  }

  /** @param since start of the period of `done` */
  async counts(since: Date): Promise<ReviewCounts> {
    const dataSource = await this.database.ready();
    const of = async (filter: ReviewFilter) => countUpTo(dataSource, await this.filtered(dataSource, filter));
    const states: [ReviewState, number][] = [];
    for (const state of REVIEW_STATES) states.push([state, await of({ state })]);
    const reasons: [Reason, number][] = [];
    for (const reason of REASONS) reasons.push([reason, await of({ state: 'open', reason })]);
    const [row] = await dataSource.query<{ done: string }[]>(
      `SELECT count(DISTINCT image_id) AS done FROM review_decisions WHERE created_at >= $1`,
      [since],
    );
    return {
      states: Object.fromEntries(states) as ReviewCounts['states'],
      reasons: Object.fromEntries(reasons) as ReviewCounts['reasons'],
      done: Number(row!.done),
      countedUpTo: COUNTED_UP_TO,
    };
  }

  /** Of the last 30 days: those of all together first, then of each reviewer. */
  async figures(): Promise<{ days: number; rows: ReviewFigures[] }> {
    const dataSource = await this.database.ready();
    const rows = await dataSource.query<
      Record<'decisions' | 'faces' | 'changes' | 'actor' | 'median', string | null>[]
    >(
      `SELECT actor, count(*) AS decisions, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median,
         coalesce(sum(faces), 0) AS faces, coalesce(sum(changes), 0) AS changes
       FROM review_decisions WHERE created_at >= now() - $1 * interval '1 day'
       GROUP BY GROUPING SETS ((), (actor)) ORDER BY actor NULLS FIRST`,
      [FIGURES_DAYS],
    );
    const figures = rows.map(({ actor, decisions, median, faces, changes }) => ({
      actor,
      decisions: Number(decisions),
      medianSeconds: median === null ? null : Number(median),
      faces: Number(faces),
      changes: Number(changes),
    }));
    return { days: FIGURES_DAYS, rows: figures };
  }

  private async filtered(
    dataSource: DataSource,
    { state, reason, claim, search, from, to }: ReviewFilter,
  ): Promise<SelectQueryBuilder<ReviewRow>> {
    const query = dataSource.manager.createQueryBuilder<ReviewRow>(reviewEntity, 'review');
    query.where('review.state = :state', { state });
    if (reason === 'any') query.andWhere('review.doubt > 0');
    // In the statement itself: the index of a reason is only used for a condition with the same text.
    else if (reason !== undefined) query.andWhere(`review.doubts ? '${reason}'`);
    if (from) query.andWhere('review.masked_at >= :from', { from });
    if (to) query.andWhere('review.masked_at < :to', { to });
    if (claim?.kind === 'mine') {
      query.andWhere(`review.image_id = ANY (ARRAY(${ACTIVE} AND holder = :holder))`, { holder: claim.holder });
    } else if (claim) {
      query.andWhere(`review.image_id <> ALL (ARRAY(${ACTIVE}))`);
    }
    if (search !== undefined) {
      query.andWhere('review.image_id = ANY (:found)', { found: await findImages(dataSource, search) });
    }
    return query;
  }
}

const ACTIVE = 'SELECT image_id FROM review_claims WHERE until > now()';

async function findImages(dataSource: DataSource, search: string): Promise<string[]> {
  const query = dataSource.manager.createQueryBuilder<ImageRow>(imageEntity, 'row').select('row.id');
  searchImages(query, search);
  return (await query.limit(MAX_FOUND).getMany()).map(({ id }) => id);
}

async function countUpTo(dataSource: DataSource, query: SelectQueryBuilder<ReviewRow>): Promise<number> {
  const [text, parameters] = query.select('1', 'one').limit(COUNTED_UP_TO).getQueryAndParameters();
  const [row] = await dataSource.query<{ count: string }[]>(`SELECT count(*) FROM (${text}) counted`, parameters);
  return Number(row!.count);
}

/** The rows of a page with their images, claims and versions */
async function complete({ manager }: DataSource, reviews: readonly ReviewRow[]): Promise<ListedReview[]> {
  if (reviews.length === 0) return [];
  const ids = reviews.map(({ imageId }) => imageId);
  const images = await manager
    .createQueryBuilder<ImageRow>(imageEntity, 'image')
    .where('image.id = ANY (:ids)', { ids })
    .getMany();
  const claims = await manager
    .createQueryBuilder<ClaimRow>(claimEntity, 'claim')
    .where('claim.image_id = ANY (:ids) AND claim.until > now()', { ids })
    .getMany();
  const versions = await manager
    .createQueryBuilder<VersionRow>(versionEntity, 'version')
    .select(['version.id', 'version.imageId', 'version.state', 'version.basedOn', 'version.number'])
    .where('version.image_id = ANY (:ids)', { ids })
    .orderBy('version.number', 'DESC')
    .getMany();
  const imageOf = new Map(images.map((image) => [image.id, image]));
  const claimOf = new Map(claims.map((claim) => [claim.imageId, claim]));
  const versionsOf = Map.groupBy(versions, ({ imageId }) => imageId);
  return reviews.flatMap((review) => {
    const image = imageOf.get(review.imageId);
    // It was erased in between.
    if (!image) return [];
    const version = served(versionsOf.get(image.id) ?? []) ?? { id: review.jobId, number: 1 };
    return [{ review, image, claim: claimOf.get(image.id) ?? null, version }];
  });
}

function writeCursor({ doubt, imageId }: ReviewRow): string {
  return Buffer.from(`${doubt}_${imageId}`).toString('base64url');
}

const CURSOR = /^(\d{1,6})_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

function readCursor(text: string): { afterDoubt: number; afterId: string } {
  const [, doubt, id] = CURSOR.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  if (doubt === undefined || id === undefined) {
    throw new BadCursorError('The cursor does not come from a page of this list');
  }
  return { afterDoubt: Number(doubt), afterId: id };
}
