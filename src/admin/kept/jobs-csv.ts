import { Readable } from 'node:stream';
import type { JobFilter, ListedJob, Page, Sort } from '../../storage/records/listing.ts';
import type { StoredRecords } from '../../storage/stored.ts';
import { toJobItem } from './bodies.ts';
import { csvLine } from './csv.ts';
import { jobItemSchema } from './schemas.ts';

const ROWS_AT_ONCE = 1000;
const COLUMNS = Object.keys(jobItemSchema.shape) as (keyof typeof jobItemSchema.shape)[];

type ReadPage = (after?: string) => Promise<Page<ListedJob>>;

/**
 * All jobs of a filter, read page by page, so that only one page is in memory.
 * @throws the error of the database for the first page; a later error fails the stream
 */
export async function jobsAsCsv(records: StoredRecords, filter: JobFilter, sort: Sort | undefined): Promise<Readable> {
  const readPage: ReadPage = (after) => records.jobs(filter, { limit: ROWS_AT_ONCE, sort, after });
  return Readable.from(lines(await readPage(), readPage));
}

async function* lines(first: Page<ListedJob>, readPage: ReadPage): AsyncGenerator<string> {
  yield csvLine(COLUMNS);
  for (let page = first; ; page = await readPage(page.next)) {
    if (page.rows.length > 0) yield page.rows.map(toLine).join('');
    if (page.next === null) return;
  }
}

function toLine(row: ListedJob): string {
  const job = toJobItem(row);
  return csvLine(COLUMNS.map((column) => job[column]));
}
