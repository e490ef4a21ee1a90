import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { v7 } from 'uuid';
import { DomainError } from '../../errors/domain-error.ts';
import { readAtMost } from '../../files/chunks.ts';
import { makeFolder, UNFINISHED, writeNew } from '../../files/durable-file.ts';
import { pace } from '../../http/pace.ts';
import { formError } from '../../http/upload.ts';
import { MAX_OPTIONS_BYTES } from '../../http/json-text.ts';
import type { BatchIntake } from '../batch-intake.ts';
import { peekArchive } from '../sources/archive-kind.ts';
import { type Source, tooLargeFile } from '../sources/source.ts';
import { tarSource } from '../sources/tar-source.ts';
import { assertFetching, urlSource } from '../sources/url-source.ts';
import { zipSource } from '../sources/zip-source.ts';

export interface FormLimits {
  readonly maxFileBytes: number;
  readonly maxBytes: number;
  readonly maxItems: number;
  /** Whether items may be URLs */
  readonly fetches: boolean;
  /** Where a ZIP is while it is read */
  readonly folder: string;
}

/** Fields and archives */
const OTHER_PARTS = 100;

/**
 * Reads the form of a batch to its end and hands each file to the intake as it arrives.
 * @returns the text fields
 * @throws DomainError invalid_request, upload_too_large, and the errors of the intake
 */
export async function readBatchForm(
  request: FastifyRequest,
  intake: BatchIntake,
  limits: FormLimits,
): Promise<Record<string, string>> {
  try {
    return await readParts(request, intake, limits);
  } catch (error) {
    // The rest of the body is discarded, so that the client can read the response.
    request.raw.unpipe().resume();
    throw formError(error, 'The form has too many parts: send fewer files, or a ZIP or tar in the part "archive"');
  }
}

async function readParts(
  request: FastifyRequest,
  intake: BatchIntake,
  limits: FormLimits,
): Promise<Record<string, string>> {
  const fields: Record<string, string> = {};
  const parts = request.parts({
    // Names of files may have folders, as of a folder that is dropped on a browser.
    preservePath: true,
    limits: { fileSize: limits.maxBytes, files: limits.maxItems + OTHER_PARTS, parts: limits.maxItems + OTHER_PARTS },
  });
  pace(request.raw);
  for await (const part of parts) {
    request.context.abandoned.throwIfAborted();
    if (part.type === 'field') throw new DomainError('internal', 'The form parser returned an unexpected part');
    const { fieldname, file } = part;
    const fileName = part.filename as string | undefined;
    if (fieldname === 'file' && fileName !== undefined) await readFile(file, fileName, intake, limits);
    else if (fieldname === 'archive') await readArchive(file, intake, limits);
    else if (fieldname === 'urls') await readUrls(file, intake, limits);
    else if (fileName === undefined) fields[fieldname] = await readField(file, fieldname, fields);
    else
      throw new DomainError(
        'invalid_request',
        `A file is in the part "${fieldname.slice(0, 40)}"; send it as "file", "archive" or "urls"`,
      );
  }
  return fields;
}

async function readField(file: Readable, name: string, fields: Readonly<Record<string, string>>): Promise<string> {
  const text = await readAtMost(file, MAX_OPTIONS_BYTES);
  if (text === null || Object.keys(fields).length >= OTHER_PARTS) {
    throw new DomainError('invalid_option', `The field ${name.slice(0, 40)} is too long`);
  }
  if (Object.hasOwn(fields, name))
    throw new DomainError('invalid_option', `${name.slice(0, 40)}: given more than once`);
  return text.toString();
}

/** One file that is too large fails alone. */
async function readFile(
  file: Readable,
  name: string,
  intake: BatchIntake,
  { maxFileBytes }: FormLimits,
): Promise<void> {
  const bytes = await readAtMost(file, maxFileBytes);
  if (bytes) {
    await intake.add({ name, bytes });
  } else {
    await intake.add({ name, error: tooLargeFile(maxFileBytes) });
    file.resume();
  }
}

async function readUrls(file: Readable, intake: BatchIntake, { fetches }: FormLimits): Promise<void> {
  assertFetching(fetches);
  for await (const found of urlSource(file)) await intake.add(found);
}

async function readArchive(
  file: Readable & { truncated?: boolean },
  intake: BatchIntake,
  limits: FormLimits,
): Promise<void> {
  const { kind, content } = await peekArchive(file);
  const files = kind === 'zip' ? spooledZip(content, limits) : tarSource(content, kind === 'tar.gz', limits);
  try {
    for await (const found of files) await intake.add(found);
  } catch (error) {
    if (!file.truncated) throw error;
    // The form parser stopped at the limit: the archive only seems to be damaged.
    throw new DomainError('upload_too_large', `A batch is limited to ${limits.maxBytes} bytes. Send several batches`);
  }
}

/** A ZIP has its directory at the end: it is written to a file first. */
async function* spooledZip(content: AsyncIterable<Buffer>, { folder, maxFileBytes, maxItems }: FormLimits): Source {
  await makeFolder(folder, false);
  const path = join(folder, `${v7()}${UNFINISHED}`);
  try {
    await writeNew(path, content, false);
    yield* zipSource(path, maxFileBytes, maxItems);
  } finally {
    await rm(path, { force: true });
  }
}
