import { Readable } from 'node:stream';
import { DomainError } from '../errors/domain-error.ts';
import type { Database } from '../storage/records/database.ts';
import type { BatchEnds } from './batch-ends.ts';
import { allItems, type Batch, findBatch, type ItemError } from './batch-records.ts';
import { finishBatch } from './output-records.ts';
import { manifestLine } from './results/manifest-line.ts';
import { MANIFEST } from './results/result-names.ts';
import type { S3Output } from './results/s3-output.ts';
import type { S3Place } from './s3-place.ts';
import { inTransaction, type Sql, sqlOf } from './sql.ts';

/**
 * Writes the manifest next to the results in S3, after the last item. A worker that is killed leaves nothing behind: the object
 * exists completely or not at all, and the next worker starts anew.
 */
export class BatchFinishing {
  readonly #database: Database;
  readonly #ends: BatchEnds;
  readonly #output: Pick<S3Output, 'put'>;

  constructor(parts: {
    readonly database: Database;
    readonly ends: BatchEnds;
    readonly output: Pick<S3Output, 'put'>;
  }) {
    this.#database = parts.database;
    this.#ends = parts.ends;
    this.#output = parts.output;
  }

  /** @throws if the database or the S3 service fails; it is then tried again */
  async process(batchId: string): Promise<void> {
    const dataSource = await this.#database.ready();
    const sql = sqlOf(dataSource);
    const batch = await findBatch(sql, batchId, 'operator');
    if (batch?.state !== 'finishing') return;
    const [written] = await Promise.allSettled([this.#writeManifest(sql, batch, batch.output!)]);
    if (written.status === 'rejected' && !isPermanent(written.reason)) throw written.reason;
    const error = written.status === 'rejected' ? errorOf(written.reason as DomainError) : null;
    await inTransaction(dataSource, async (transaction) => {
      await this.#ends.queue(transaction, batchId, await finishBatch(transaction, batchId, error));
    });
  }

  async #writeManifest(sql: Sql, { id }: Batch, place: S3Place): Promise<void> {
    let bytes = 0;
    for await (const line of linesOf(sql, id, place)) bytes += line.byteLength;
    const body = Readable.from(linesOf(sql, id, place), { objectMode: false });
    const object = { body, bytes, contentType: 'application/jsonl', writer: `${id}/${MANIFEST}` };
    await this.#output.put(place, place.prefix + MANIFEST, object, () => Promise.resolve(true));
  }
}

async function* linesOf(sql: Sql, batchId: string, { prefix }: S3Place): AsyncGenerator<Buffer> {
  for await (const item of allItems(sql, batchId)) {
    const key = item.result && item.result.key;
    yield manifestLine(item, { file: key && key.slice(prefix.length), key });
  }
}

function isPermanent(error: unknown): boolean {
  return error instanceof DomainError && error.status < 500;
}

function errorOf({ code, message }: DomainError): ItemError {
  return { code, detail: message };
}
