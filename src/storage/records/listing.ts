import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository, type SelectQueryBuilder } from 'typeorm';
import type { JobKind, JobStatus } from '../job.ts';
import { type AuditRow, auditEntity } from './audit.entity.ts';
import { BadCursorError } from './bad-cursor-error.ts';
import { Database } from './database.ts';
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
  /** true: only those with uncertain faces. */
  readonly hasUncertain?: boolean | undefined;
}

export interface ImageFilter extends FaceCounts, Period {
  readonly type?: string | undefined;
}

export interface PageRequest {
  readonly limit: number;
  readonly sort?: Sort | undefined;
  /** The `next` of the previous page, with the same filter and sort. */
  readonly after?: string | undefined;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Null: this is the last page. */
  readonly next: string | null;
}

/** What is read of a single job only */
const DETAILS = ['faces', 'options', 'settings', 'verification', 'masks', 'timings'] as const;

/** A job in a list, without its details */
export type ListedJob = Omit<JobRow, (typeof DETAILS)[number] | 'image'>;

/**
 * Pages through jobs and images. A page starts after the sort values of the last row of the previous page. So each page
 * takes the same time, and new rows do not shift pages. Sorting by faces lists only rows with a count.
 */
@Injectable()
export class Listing {
  constructor(
    private readonly database: Database,
    @InjectRepository(jobEntity) private readonly jobRows: Repository<JobRow>,
    @InjectRepository(imageEntity) private readonly imageRows: Repository<ImageRow>,
    @InjectRepository(auditEntity) private readonly auditRows: Repository<AuditRow>,
  ) {}

  async jobs(filter: JobFilter, page: PageRequest): Promise<Page<ListedJob>> {
    // Failed jobs have no count of faces, so they are in no list sorted by faces.
    if (isByFaces(page.sort) && (filter.status === 'failed' || filter.errorCode !== undefined)) return NO_ROWS;
    await this.database.ready();
    const query = this.jobRows.createQueryBuilder('row').select(LISTED_JOB_COLUMNS);
    if (filter.imageId !== undefined) query.andWhere('row.image_id = :imageId', { imageId: filter.imageId });
    if (filter.requestId !== undefined) query.andWhere('row.request_id = :requestId', { requestId: filter.requestId });
    return readPage(query, JOB_CHOICES, filter, page);
  }

  async images(filter: ImageFilter, page: PageRequest): Promise<Page<ImageRow>> {
    await this.database.ready();
    return readPage(this.imageRows.createQueryBuilder('row'), IMAGE_CHOICES, filter, page);
  }

  /** Newest first. */
  async audit(page: Omit<PageRequest, 'sort'>): Promise<Page<AuditRow>> {
    await this.database.ready();
    return readPage(this.auditRows.createQueryBuilder('row'), [], {}, page);
  }

  async job(id: string): Promise<JobRow | null> {
    await this.database.ready();
    return this.jobRows.findOne({ where: { id }, relations: { image: true } });
  }

  async image(id: string): Promise<ImageRow | null> {
    await this.database.ready();
    return this.imageRows.findOneBy({ id });
  }
}

const LISTED_JOB_COLUMNS = Object.keys(jobEntity.options.columns)
  .filter((column) => !DETAILS.some((detail) => detail === column))
  .map((column) => `row.${column}`);

/** Filters by value, the most selective first. Each has its own index. */
const JOB_CHOICES = [
  { key: 'errorCode', column: 'errorCode' },
  { key: 'modelName', column: 'modelName' },
  { key: 'status', column: 'status' },
  { key: 'kind', column: 'kind' },
] as const;
const IMAGE_CHOICES = [{ key: 'type', column: 'type' }] as const;

const NO_ROWS: Page<never> = { rows: [], next: null };

interface Sortable {
  readonly id: string;
  readonly createdAt: Date;
  /** Absent if the rows have no faces and are not sorted by them */
  readonly faceCount?: number | null;
}

type Filter<Key extends string> = FaceCounts &
  Period &
  Pick<JobFilter, 'hasUncertain'> & { readonly [Name in Key]?: string | undefined };

async function readPage<Row extends Sortable, Key extends string>(
  query: SelectQueryBuilder<Row>,
  choices: readonly { readonly key: Key; readonly column: string }[],
  filter: Filter<Key>,
  { limit, sort = 'newest', after }: PageRequest,
): Promise<Page<Row>> {
  const byFaces = isByFaces(sort);
  const descending = sort === 'newest' || sort === 'most_faces';
  const cursor = after === undefined ? undefined : readCursor(after, byFaces);
  if (!byFaces && cursor && isPast(cursor, filter, descending)) return NO_ROWS;
  const given = choices.filter(({ key }) => filter[key] !== undefined);
  const hasFaceCounts = filter.minFaces !== undefined || filter.maxFaces !== undefined || filter.hasUncertain === true;
  const leading = byFaces || hasFaceCounts ? undefined : given[0];
  for (const { key, column } of given) {
    query.setParameter(key, filter[key]);
    if (key !== leading?.key) query.andWhere(`row.${column} = :${key}`);
  }
  if (filter.minFaces !== undefined) query.andWhere('row.faceCount >= :minFaces', { minFaces: filter.minFaces });
  if (filter.maxFaces !== undefined) query.andWhere('row.faceCount <= :maxFaces', { maxFaces: filter.maxFaces });
  if (filter.hasUncertain) query.andWhere('row.uncertainCount > 0');
  if (byFaces) {
    pageByFaces(query, filter, cursor, descending);
  } else {
    pageByTime(query, leading && { column: leading.column, parameter: leading.key }, filter, cursor, descending);
  }
  // One more row than requested shows whether there is another page.
  const rows = await query.limit(limit + 1).getMany();
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return { rows: rows.slice(0, limit), next: last ? writeCursor(last, byFaces) : null };
}

/**
 * The rows between two positions of one index, in its order. The leading value has two bounds instead of an equation.
 * With an equation, the planner might scan the index of all rows instead, expecting to find this value soon. With bounds,
 * only the index of the value has the requested order.
 */
function pageByTime(
  query: SelectQueryBuilder<Sortable>,
  leading: { readonly column: string; readonly parameter: string } | undefined,
  { from, to }: Period,
  cursor: Cursor | undefined,
  descending: boolean,
): void {
  const columns = [leading?.column, 'createdAt', 'id'].filter((column) => column !== undefined);
  order(query, columns, descending);
  const parameters = leading ? [`:${leading.parameter}`] : [];
  const bound = (operator: string, values: readonly string[]) => {
    const position = columns.slice(0, values.length).map((column) => `row.${column}`);
    if (values.length > 0) query.andWhere(`(${position.join(', ')}) ${operator} (${values.join(', ')})`);
  };
  query.setParameters({ from, to, ...cursor });
  if (cursor && !descending) bound('>', [...parameters, ':at', ':id']);
  else bound('>=', from ? [...parameters, ':from'] : parameters);
  if (cursor && descending) bound('<', [...parameters, ':at', ':id']);
  else if (to) bound('<', [...parameters, ':to']);
  else bound('<=', parameters);
}

/** Whether all rows of the period come before the cursor. */
function isPast({ at }: Cursor, { from, to }: Period, descending: boolean): boolean {
  return descending ? from !== undefined && at < from : to !== undefined && at >= to;
}

function pageByFaces(
  query: SelectQueryBuilder<Sortable>,
  { from, to }: Period,
  cursor: Cursor | undefined,
  descending: boolean,
): void {
  order(query, ['faceCount', 'createdAt', 'id'], descending);
  query.andWhere('row.faceCount IS NOT NULL');
  if (from) query.andWhere('row.createdAt >= :from', { from });
  if (to) query.andWhere('row.createdAt < :to', { to });
  if (cursor) {
    const operator = descending ? '<' : '>';
    query.andWhere(`(row.faceCount, row.createdAt, row.id) ${operator} (:faces, :at, :id)`, cursor);
  }
}

function order(query: SelectQueryBuilder<Sortable>, columns: readonly string[], descending: boolean): void {
  for (const column of columns) query.addOrderBy(`row.${column}`, descending ? 'DESC' : 'ASC');
}

function isByFaces(sort: Sort | undefined): boolean {
  return sort === 'most_faces' || sort === 'fewest_faces';
}

function writeCursor({ id, createdAt, faceCount }: Sortable, byFaces: boolean): string {
  const values = [createdAt.getTime(), id, ...(byFaces ? [faceCount] : [])];
  return Buffer.from(values.join('_')).toString('base64url');
}

const CURSOR = /^(\d{1,15})_([0-9a-f-]{36})(?:_(\d{1,9}))?$/;

interface Cursor {
  readonly at: Date;
  readonly id: string;
  readonly faces?: number;
}

function readCursor(text: string, byFaces: boolean): Cursor {
  const [, at, id, faces] = CURSOR.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  if (at === undefined || id === undefined || byFaces !== (faces !== undefined)) {
    throw new BadCursorError('The cursor does not come from a page of this list');
  }
  return { at: new Date(Number(at)), id, ...(faces !== undefined && { faces: Number(faces) }) };
}
