/** Keys of objects are created and validated only here. */

const EXTENSIONS: Readonly<Record<string, string>> = {
  jpeg: 'jpg',
  png: 'png',
  webp: 'webp',
  avif: 'avif',
  gif: 'gif',
  tiff: 'tiff',
};

const CONTENT_TYPES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(EXTENSIONS).map(([type, extension]) => [extension, `image/${type}`]),
);

/** Names of letters and digits joined by single separators: no name is empty, hidden, or `..`. */
const KEY = /^[a-z0-9]+(?:[/_.-][a-z0-9]+)*$/;
const MAX_KEY_LENGTH = 200;

const ORIGINALS = 'originals/';
const RESULTS = 'results/';
const VERSIONS = 'versions/';
/** Where the stored images of all API keys are */
export const STORED_IMAGES: readonly string[] = [ORIGINALS, RESULTS, VERSIONS];
export const BATCHES = 'batches/';
/** What interrupted puts leave in a folder; a bucket has none. */
export const UNFINISHED_BATCH_OBJECTS = `${BATCHES}unfinished/`;

/** The same bytes have the same key: they are stored once, however often they are uploaded. */
export function originalKey(sha256: string, type: string): string {
  return `${ORIGINALS}${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}.${extensionOf(type)}`;
}

/** A job has one result, however often it is stored. */
export function resultKey(jobId: string, createdAt: Date, type: string): string {
  return `${RESULTS}${dayOf(createdAt)}/${jobId}.${extensionOf(type)}`;
}

export function versionKey(versionId: string, createdAt: Date, type: string): string {
  return `${VERSIONS}${dayOf(createdAt)}/${versionId}.${extensionOf(type)}`;
}

/** Days keep the folders small. */
function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10).replaceAll('-', '/');
}

/** All objects of a batch: they are deleted together. */
export function batchPrefix(batchId: string): string {
  return `${BATCHES}${batchId}/`;
}

export function batchInputKey(batchId: string, position: number): string {
  return `${batchPrefix(batchId)}inputs/${inFolders(position)}`;
}

/** @param attempt a new ID for each attempt, so that a late worker never replaces the result of another */
export function batchResultKey(batchId: string, position: number, attempt: string): string {
  return `${batchPrefix(batchId)}results/${inFolders(position)}-${attempt}`;
}

/** A thousand items in each folder */
function inFolders(position: number): string {
  return `${Math.floor(position / 1000)}/${position}`;
}

/** Keys of all objects that a job may have put */
export function objectKeysOf(job: {
  readonly id: string;
  readonly createdAt: string;
  readonly original: { readonly sha256: string; readonly type: string } | null;
  readonly result: { readonly type: string } | null;
}): string[] {
  return [
    ...(job.original ? [originalKey(job.original.sha256, job.original.type)] : []),
    ...(job.result ? [resultKey(job.id, new Date(job.createdAt), job.result.type)] : []),
  ];
}

/** The row to which an object belongs, according to its key; null: not a key of this service. */
export function ownerOf(
  key: string,
): { readonly sha256: string } | { readonly jobId: string } | { readonly versionId: string } | null {
  const name = /([^/.]+)\.[a-z0-9]+$/.exec(key)?.[1];
  if (name === undefined) return null;
  if (key.startsWith(ORIGINALS) && /^[0-9a-f]{64}$/.test(name)) return { sha256: name };
  if (key.startsWith(RESULTS) && /^[0-9a-f-]{36}$/.test(name)) return { jobId: name };
  if (key.startsWith(VERSIONS) && /^[0-9a-f-]{36}$/.test(name)) return { versionId: name };
  return null;
}

export function contentTypeOf(key: string): string {
  return CONTENT_TYPES[key.slice(key.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
}

export function isKey(key: string): boolean {
  return key.length <= MAX_KEY_LENGTH && KEY.test(key);
}

/** @throws Error if it is not a key */
export function assertKey(key: string): void {
  if (!isKey(key)) throw new Error(`${JSON.stringify(key.slice(0, MAX_KEY_LENGTH))} is not the key of an object`);
}

function extensionOf(type: string): string {
  return EXTENSIONS[type] ?? 'bin';
}
