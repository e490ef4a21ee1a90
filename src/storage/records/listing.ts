import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import type { JobKind, JobStatus } from '../job.ts';
import type { Database } from './database.ts';
import { type ImageRow, imageEntity } from './image.entity.ts';
import { type JobRow, jobEntity } from './job.entity.ts';

export type Sort = 'newest' | 'oldest' | 'most_faces' | 'fewest_faces';

interface FaceCounts {
  readonly minFaces?: number | undefined;
  readonly maxFaces?: number | undefined;
}

interface Period {
  /** Inclusive. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
}

export interface JobFilter extends FaceCounts, Period {
  readonly kind?: JobKind | undefined;
  readonly status?: JobStatus | undefined;
  readonly modelName?: string | undefined;
  readonly errorCode?: string | undefined;
  readonly imageId?: string | undefined;
  readonly requestId?: string | undefined;
}

export interface ImageFilter extends FaceCounts, Period {
  readonly type?: string | undefined;
}

export interface PageRequest {
  readonly limit: number;
  readonly sort?: Sort | undefined;
  /** What the page before gave as `next`; it goes with the same filter and sort. */
  readonly after?: string | undefined;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Null: this is the last page. */
  readonly next: string | null;
}

/** A job as a list shows it: without the faces themselves. */
export type ListedJob = Omit<JobRow, 'faces' | 'options' | 'timings' | 'image'>;

/** The `after` of a page was not made here, or for another sort. */
export class BadCursorError extends Error {
  override readonly name = 'BadCursorError';
}

/**
 * Pages through jobs and images. A page continues where the one before ended, by the sort's own values, so that it takes
 * the same time at any depth, and rows that come in meanwhile move nothing. Sorting by faces lists only what has a count.
 */
export class Listing {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async jobs(filter: JobFilter, page: PageRequest): Promise<Page<ListedJob>> {
    const dataSource = await this.#database.ready();
    const query = dataSource.manager.createQueryBuilder<JobRow>(jobEntity, 'row').select(LISTED_JOB_COLUMNS);
    return readPage(filterJobs(query, filter), filter, page);
  }

  async images(filter: ImageFilter, page: PageRequest): Promise<Page<ImageRow>> {
    const dataSource = await this.#database.ready();
    const query = dataSource.manager.createQueryBuilder<ImageRow>(imageEntity, 'row');
    if (filter.type !== undefined) query.andWhere('row.type = :type', { type: filter.type });
    return readPage(query, filter, page);
  }

  async job(id: string): Promise<JobRow | null> {
    const dataSource = await this.#database.ready();
    return dataSource.manager.findOne(jobEntity, { where: { id }, relations: { image: true } });
  }

  async image(id: string): Promise<ImageRow | null> {
    const dataSource = await this.#database.ready();
    return dataSource.manager.findOneBy(imageEntity, { id });
  }
}

const LISTED_JOB_COLUMNS = Object.keys(jobEntity.options.columns)
  .filter((column) => !['faces', 'options', 'timings'].includes(column))
  .map((column) => `row.${column}`);

export function filterJobs<Row extends ObjectLiteral>(
  query: SelectQueryBuilder<Row>,
  { kind, status, modelName, errorCode, imageId, requestId }: JobFilter,
): SelectQueryBuilder<Row> {
  if (kind !== undefined) query.andWhere('row.kind = :kind', { kind });
  if (status !== undefined) query.andWhere('row.status = :status', { status });
  if (modelName !== undefined) query.andWhere('row.model_name = :modelName', { modelName });
  if (errorCode !== undefined) query.andWhere('row.error_code = :errorCode', { errorCode });
  if (imageId !== undefined) query.andWhere('row.image_id = :imageId', { imageId });
  if (requestId !== undefined) query.andWhere('row.request_id = :requestId', { requestId });
  return query;
}

interface Sortable {
  readonly id: string;
  readonly createdAt: Date;
  readonly faceCount: number | null;
}

async function readPage<Row extends Sortable>(
  query: SelectQueryBuilder<Row>,
  { from, to, minFaces, maxFaces }: FaceCounts & Period,
  { limit, sort = 'newest', after }: PageRequest,
): Promise<Page<Row>> {
  const direction = sort === 'newest' || sort === 'most_faces' ? 'DESC' : 'ASC';
  const byFaces = sort === 'most_faces' || sort === 'fewest_faces';
  if (from) query.andWhere('row.created_at >= :from', { from });
  if (to) query.andWhere('row.created_at < :to', { to });
  if (minFaces !== undefined) query.andWhere('row.face_count >= :minFaces', { minFaces });
  if (maxFaces !== undefined) query.andWhere('row.face_count <= :maxFaces', { maxFaces });
  if (byFaces) query.andWhere('row.face_count IS NOT NULL').orderBy('row.faceCount', direction);
  query.addOrderBy('row.createdAt', direction).addOrderBy('row.id', direction);
  if (after !== undefined) {
    const cursor = readCursor(after, byFaces);
    const columns = byFaces ? '(row.face_count, row.created_at, row.id)' : '(row.created_at, row.id)';
    const values = byFaces ? '(:faces, :at, :id)' : '(:at, :id)';
    query.andWhere(`${columns} ${direction === 'DESC' ? '<' : '>'} ${values}`, cursor);
  }
  // One more than asked for tells whether there is another page.
  const rows = await query.limit(limit + 1).getMany();
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return { rows: rows.slice(0, limit), next: last ? writeCursor(last, byFaces) : null };
}

function writeCursor({ id, createdAt, faceCount }: Sortable, byFaces: boolean): string {
  const values = [createdAt.getTime(), id, ...(byFaces ? [faceCount] : [])];
  return Buffer.from(values.join('_')).toString('base64url');
}

const CURSOR = /^(\d{1,15})_([0-9a-f-]{36})(?:_(\d{1,9}))?$/;

function readCursor(text: string, byFaces: boolean): { at: Date; id: string; faces?: number } {
  const [, at, id, faces] = CURSOR.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  if (at === undefined || id === undefined || byFaces !== (faces !== undefined)) {
    throw new BadCursorError('The cursor is not one that a page of this list gave');
  }
  return { at: new Date(Number(at)), id, ...(faces !== undefined && { faces: Number(faces) }) };
}
