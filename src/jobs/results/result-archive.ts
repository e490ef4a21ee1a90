import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ObjectStore } from '../../storage/objects/object-store.ts';
import { allItems, type Batch, type BatchItem } from '../batch-records.ts';
import type { Sql } from '../sql.ts';
import { manifestLine } from './manifest-line.ts';
import { MANIFEST, resultName, ResultNames } from './result-names.ts';
import {
  archiveEnd,
  directoryEntry,
  directoryEntryBytes,
  endBytes,
  localHeader,
  localHeaderBytes,
  type ZipEntry,
} from './zip-archive.ts';

/**
 * The results of a batch that has ended, as a ZIP: the masked images, then a manifest with one line per item. It is never
 * stored: its size, and any part of it, follow from the rows.
 */
export class ResultArchive {
  readonly bytes: number;
  /** Changes whenever the content does: when dead items were processed again. */
  readonly etag: string;
  readonly #sql: Sql;
  readonly #objects: ObjectStore;
  readonly #batch: Batch;
  readonly #plan: Plan;

  private constructor(sql: Sql, objects: ObjectStore, batch: Batch, plan: Plan) {
    this.#sql = sql;
    this.#objects = objects;
    this.#batch = batch;
    this.#plan = plan;
    this.bytes = plan.directoryOffset + plan.directoryBytes + endBytes();
    const version = `${batch.id} ${batch.finishedAt?.getTime()} ${plan.manifest.crc} ${this.bytes}`;
    this.etag = `"${hash('sha256', version).slice(0, 32)}"`;
  }

  static async open(sql: Sql, objects: ObjectStore, batch: Batch): Promise<ResultArchive> {
    return new ResultArchive(sql, objects, batch, await planArchive(sql, batch));
  }

  /** @param end exclusive */
  async *read(start = 0, end = this.bytes): AsyncGenerator<Uint8Array> {
    let at = 0;
    for await (const { length, content } of this.#parts()) {
      const [from, to] = [Math.max(0, start - at), Math.min(length, end - at)];
      if (to > from) yield (await content()).subarray(from, to);
      at += length;
      if (at >= end) return;
    }
  }

  async *#parts(): AsyncGenerator<Part> {
    for await (const { entry, item } of this.#entries()) {
      const header = localHeader(entry);
      yield { length: header.length, content: () => Promise.resolve(header) };
      yield { length: entry.bytes, content: () => this.#readResult(item) };
    }
    yield inMemory(localHeader(this.#plan.manifest));
    for await (const { line } of entriesOf(this.#sql, this.#batch)) yield inMemory(line);
    let offset = 0;
    for await (const { entry } of this.#entries()) {
      yield inMemory(directoryEntry(entry, offset));
      offset += localHeaderBytes(entry.name) + entry.bytes;
    }
    yield inMemory(directoryEntry(this.#plan.manifest, offset));
    yield inMemory(archiveEnd(this.#plan.entries, this.#plan.directoryOffset, this.#plan.directoryBytes));
  }

  async *#entries(): AsyncGenerator<{ entry: ZipEntry; item: BatchItem }> {
    for await (const { entry, item } of entriesOf(this.#sql, this.#batch)) if (entry) yield { entry, item };
  }

  async #readResult({ name, result }: BatchItem): Promise<Uint8Array> {
    const bytes = await this.#objects.get(result!.key);
    if (bytes?.byteLength !== result!.bytes) throw new Error(`The result of ${name} is missing in the object store`);
    return bytes;
  }
}

interface Part {
  readonly length: number;
  readonly content: () => Promise<Uint8Array>;
}

function inMemory(bytes: Buffer): Part {
  return { length: bytes.length, content: () => Promise.resolve(bytes) };
}

interface Plan {
  readonly entries: number;
  readonly manifest: ZipEntry;
  readonly directoryOffset: number;
  readonly directoryBytes: number;
}

async function planArchive(sql: Sql, batch: Batch): Promise<Plan> {
  const manifest = { name: MANIFEST, bytes: 0, crc: 0, modified: modifiedAt(batch) };
  let [entries, directoryOffset, directoryBytes] = [1, localHeaderBytes(MANIFEST), directoryEntryBytes(MANIFEST)];
  for await (const { entry, line } of entriesOf(sql, batch)) {
    manifest.bytes += line.length;
    manifest.crc = crc32(line, manifest.crc);
    if (!entry) continue;
    entries++;
    directoryOffset += localHeaderBytes(entry.name) + entry.bytes;
    directoryBytes += directoryEntryBytes(entry.name);
  }
  return { entries, manifest, directoryOffset: directoryOffset + manifest.bytes, directoryBytes };
}

/** The items in order, each with its file in the archive, if it has one, and its line of the manifest. */
async function* entriesOf(
  sql: Sql,
  batch: Batch,
): AsyncGenerator<{ item: BatchItem; entry: ZipEntry | null; line: Buffer }> {
  const names = new ResultNames();
  for await (const item of allItems(sql, batch.id)) {
    // Also of an item without a result: it may have one after it was processed again.
    const unique = names.take(item.name);
    const file = item.result && resultName(unique, item.result.type);
    const entry = item.result && { ...item.result, name: file!, modified: modifiedAt(batch) };
    yield { item, entry, line: manifestLine(item, { file }) };
  }
}

function modifiedAt({ finishedAt, createdAt }: Batch): Date {
  return finishedAt ?? createdAt;
}
