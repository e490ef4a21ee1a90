import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository, type SelectQueryBuilder } from 'typeorm';
import type { JobKind, JobStatus } from '../job.ts';
import { type AuditRow, auditEntity } from './audit.entity.ts';
import { BadCursorError } from './bad-cursor-error.ts';
import { Database } from './database.ts';
import { type ImageRow, imageEntity } from './image.entity.ts';
import { type JobRow, jobEntity } from './job.entity.ts';
import { searchImages, searchJobs } from './search.ts';

export type ImageSort = 'newest' | 'oldest' | 'most_faces' | 'fewest_faces';
export type Sort = ImageSort | 'slowest' | 'fastest';

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
  /** See search.ts. */
  readonly search?: string | undefined;
}

export interface ImageFilter extends FaceCounts, Period {
  /** true: only those with versions that people made. */
  readonly isCorrected?: boolean | undefined;
  readonly type?: string | undefined;
  readonly search?: string | undefined;
}

export interface PageRequest<Order extends Sort = Sort> {
  readonly limit: number;
  readonly sort?: Order | undefined;
  /** The `next` of the previous page, with the same filter and sort. */
  readonly after?: string | undefined;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Null: this is the last page. */
  readonly next: string | null;
}

/** What is read of a single job only */
const DETAILS = ['faces', 'options', 'settings', 'verification', 'metadata', 'masks', 'timings'] as const;

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
    if (orderOf(page.sort).by === 'faceCount' && (filter.status === 'failed' || filter.errorCode !== undefined))
      return NO_ROWS;
    await this.database.ready();
    const query = this.jobRows.createQueryBuilder('row').select(LISTED_JOB_COLUMNS);
    if (filter.imageId !== undefined) query.andWhere('row.image_id = :imageId', { imageId: filter.imageId });
    if (filter.requestId !== undefined) query.andWhere('row.request_id = :requestId', { requestId: filter.requestId });
    if (filter.search !== undefined) searchJobs(query, filter.search);
    return readPage(query, JOB_CHOICES, filter, page);
  }

  async images(filter: ImageFilter, page: PageRequest<ImageSort>): Promise<Page<ImageRow>> {
    await this.database.ready();
    const query = this.imageRows.createQueryBuilder('row');
    if (filter.search !== undefined) searchImages(query, filter.search);
    if (filter.isCorrected) query.andWhere('EXISTS (SELECT FROM versions WHERE image_id = row.id)');
    return readPage(query, IMAGE_CHOICES, filter, page);
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

/** Filters by value, the most selective first. Each has its own index for the order by time, and for that by duration. */
const JOB_CHOICES = [
  { key: 'errorCode', column: 'errorCode' },
  { key: 'modelName', column: 'modelName' },
  { key: 'status', column: 'status' },
  { key: 'kind', column: 'kind' },
] as const;
const IMAGE_CHOICES = [{ key: 'type', column: 'type' }] as const;

const NO_ROWS: Page<never> = { rows: [], next: null };

interface Order {
  readonly by: 'createdAt' | 'faceCount' | 'durationMs';
  readonly descending: boolean;
}

const ORDERS: Readonly<Record<Sort, Order>> = {
  newest: { by: 'createdAt', descending: true },
  oldest: { by: 'createdAt', descending: false },
  most_faces: { by: 'faceCount', descending: true },
  fewest_faces: { by: 'faceCount', descending: false },
  slowest: { by: 'durationMs', descending: true },
  fastest: { by: 'durationMs', descending: false },
};

function orderOf(sort: Sort = 'newest'): Order {
  return ORDERS[sort];
}

interface Sortable {
  readonly id: string;
  readonly createdAt: Date;
  /** Absent if the rows have no faces and are not sorted by them */
  readonly faceCount?: number | null;
  readonly durationMs?: number;
}

type Filter<Key extends string> = FaceCounts &
  Period &
  Pick<JobFilter, 'hasUncertain' | 'search'> & { readonly [Name in Key]?: string | undefined };

async function readPage<Row extends Sortable, Key extends string>(
  query: SelectQueryBuilder<Row>,
  choices: readonly { readonly key: Key; readonly column: string }[],
  filter: Filter<Key>,
  { limit, sort, after }: PageRequest,
): Promise<Page<Row>> {
  const { by, descending } = orderOf(sort);
  const cursor = after === undefined ? undefined : readCursor(after, by);
  if (by === 'createdAt' && cursor && isPast(cursor, filter, descending)) return NO_ROWS;
  const given = choices.filter(({ key }) => filter[key] !== undefined);
  const hasFaceCounts = filter.minFaces !== undefined || filter.maxFaces !== undefined || filter.hasUncertain === true;
  const hasPeriod = filter.from !== undefined || filter.to !== undefined;
  // Few rows may match a search, or a period that the order does not follow: the planner finds those first.
  const isForPlanner = hasFaceCounts || filter.search !== undefined || (by === 'durationMs' && hasPeriod);
  const leading = by === 'faceCount' || isForPlanner ? undefined : given[0];
  for (const { key, column } of given) {
    query.setParameter(key, filter[key]);
    if (key !== leading?.key) query.andWhere(`row.${column} = :${key}`);
  }
  if (filter.minFaces !== undefined) query.andWhere('row.faceCount >= :minFaces', { minFaces: filter.minFaces });
  if (filter.maxFaces !== undefined) query.andWhere('row.faceCount <= :maxFaces', { maxFaces: filter.maxFaces });
  if (filter.hasUncertain) query.andWhere('row.uncertainCount > 0');
  const lead = leading && { column: leading.column, parameter: leading.key };
  if (by === 'faceCount') pageByFaces(query, filter, cursor, descending);
  else if (by === 'durationMs') pageByDuration(query, lead, filter, cursor, descending);
  else pageByTime(query, lead, filter, cursor, descending);
  // One more row than requested shows whether there is another page.
  const rows = await query.limit(limit + 1).getMany();
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return { rows: rows.slice(0, limit), next: last ? writeCursor(last, by) : null };
}

interface Lead {
  readonly column: string;
  readonly parameter: string;
}

/**
 * The rows between two positions of one index, in its order. The leading value has two bounds instead of an equation.
 * With an equation, the planner might scan the index of all rows instead, expecting to find this value soon. With bounds,
 * only the index of the value has the requested order.
 */
function pageByTime(
  query: SelectQueryBuilder<Sortable>,
  leading: Lead | undefined,
  { from, to }: Period,
  cursor: Cursor | undefined,
  descending: boolean,
): void {
  const columns = order(query, [leading?.column, 'createdAt', 'id'], descending);
  const parameters = leading ? [`:${leading.parameter}`] : [];
  query.setParameters({ from, to, ...cursor });
  if (cursor && !descending) bound(query, columns, '>', [...parameters, ':at', ':id']);
  else bound(query, columns, '>=', from ? [...parameters, ':from'] : parameters);
  if (cursor && descending) bound(query, columns, '<', [...parameters, ':at', ':id']);
  else if (to) bound(query, columns, '<', [...parameters, ':to']);
  else bound(query, columns, '<=', parameters);
}

/** The same, in the order of the duration. */
function pageByDuration(
  query: SelectQueryBuilder<Sortable>,
  leading: Lead | undefined,
  period: Period,
  cursor: Cursor | undefined,
  descending: boolean,
): void {
  const columns = order(query, [leading?.column, 'durationMs', 'id'], descending);
  const parameters = leading ? [`:${leading.parameter}`] : [];
  filterByTime(query, period);
  query.setParameters({ ...cursor });
  const position = [...parameters, ':value', ':id'];
  if (cursor && !descending) bound(query, columns, '>', position);
  else bound(query, columns, '>=', parameters);
  if (cursor && descending) bound(query, columns, '<', position);
  else bound(query, columns, '<=', parameters);
}

/** The first columns, as many as there are values. */
function bound(
  query: SelectQueryBuilder<Sortable>,
  columns: readonly string[],
  operator: string,
  values: readonly string[],
): void {
  const position = columns.slice(0, values.length).map((column) => `row.${column}`);
  if (values.length > 0) query.andWhere(`(${position.join(', ')}) ${operator} (${values.join(', ')})`);
}

/** Whether all rows of the period come before the cursor. */
function isPast({ at }: Cursor, { from, to }: Period, descending: boolean): boolean {
  return descending ? from !== undefined && at < from : to !== undefined && at >= to;
}

function pageByFaces(
  query: SelectQueryBuilder<Sortable>,
  period: Period,
  cursor: Cursor | undefined,
  descending: boolean,
): void {
  const columns = order(query, ['faceCount', 'createdAt', 'id'], descending);
  query.andWhere('row.faceCount IS NOT NULL');
  filterByTime(query, period);
  query.setParameters({ ...cursor });
  if (cursor) bound(query, columns, descending ? '<' : '>', [':value', ':at', ':id']);
}

function filterByTime(query: SelectQueryBuilder<Sortable>, { from, to }: Period): void {
  if (from) query.andWhere('row.createdAt >= :from', { from });
  if (to) query.andWhere('row.createdAt < :to', { to });
}

function order(
  query: SelectQueryBuilder<Sortable>,
  columns: readonly (string | undefined)[],
  descending: boolean,
): string[] {
  const given = columns.filter((column) => column !== undefined);
  for (const column of given) query.addOrderBy(`row.${column}`, descending ? 'DESC' : 'ASC');
  return given;
}

/** Of the value by which a list is sorted, in a cursor */
const LETTERS = { createdAt: '', faceCount: 'f', durationMs: 'd' } as const;

function writeCursor(row: Sortable, by: Order['by']): string {
  const value = by === 'createdAt' ? [] : [`${LETTERS[by]}${row[by]}`];
  return Buffer.from([row.createdAt.getTime(), row.id, ...value].join('_')).toString('base64url');
}

const CURSOR = /^(\d{1,15})_([0-9a-f-]{36})(?:_([fd])(\d[\d.e+-]{0,30}))?$/;

interface Cursor {
  readonly at: Date;
  readonly id: string;
  /** Count of faces or duration, by which the list is sorted; absent if it is sorted by time. */
  readonly value?: number;
}

function readCursor(text: string, by: Order['by']): Cursor {
  const [, at, id, letter = '', value] = CURSOR.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  const isValid = value === undefined || Number.isFinite(Number(value));
  if (at === undefined || id === undefined || letter !== LETTERS[by] || !isValid) {
    throw new BadCursorError('The cursor does not come from a page of this list');
  }
  return { at: new Date(Number(at)), id, ...(value !== undefined && { value: Number(value) }) };
}
