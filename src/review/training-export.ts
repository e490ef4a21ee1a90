import { basename, join } from 'node:path';
import { existsSync } from 'node:fs';
import { makeFolder, writeDurably } from '../files/durable-file.ts';
import type { ObjectStore } from '../storage/objects/object-store.ts';
import type { ImageRow } from '../storage/records/image.entity.ts';
import type { ImageFilter, Listing } from '../storage/records/listing.ts';
import { served } from '../storage/served-version.ts';
import type { VersionArchive } from '../storage/version-archive.ts';
import { labelFaces, type Reviewed } from './training-labels.ts';

/** What `models/training/cache.py` decodes */
const READABLE: readonly string[] = ['jpeg', 'png', 'webp', 'tiff'];
const PAGE = 200;

export interface ExportedCounts {
  images: number;
  faces: number;
  ignored: number;
  /** Images of other types, without a masked result, or whose file is lost */
  skipped: number;
}

interface Sources {
  readonly listing: Listing;
  readonly versions: VersionArchive;
  readonly objects: ObjectStore;
}

/**
 * Writes images and `labels.jsonl`, which exists only when all images are there. An image that an interrupted export left
 * is not read again. One image is in memory at a time.
 */
export async function exportTraining(
  sources: Sources,
  folder: string,
  filter: Pick<ImageFilter, 'isCorrected' | 'from' | 'to'>,
  signal: AbortSignal,
): Promise<ExportedCounts> {
  const counts: ExportedCounts = { images: 0, faces: 0, ignored: 0, skipped: 0 };
  await makeFolder(join(folder, 'images'), false);
  await writeDurably(join(folder, 'labels.jsonl'), labelLines(sources, folder, filter, signal, counts), false);
  return counts;
}

async function* labelLines(
  sources: Sources,
  folder: string,
  filter: ImageFilter,
  signal: AbortSignal,
  counts: ExportedCounts,
): AsyncGenerator<Uint8Array> {
  let after: string | undefined;
  do {
    const page = await sources.listing.images(filter, { limit: PAGE, sort: 'oldest', after });
    for (const image of page.rows) {
      signal.throwIfAborted();
      const reviewed = READABLE.includes(image.type) ? await review(image, sources) : null;
      const file = reviewed && (await writeImage(image, folder, sources.objects));
      if (!reviewed || file === null) {
        counts.skipped++;
        continue;
      }
      const faces = labelFaces(reviewed);
      counts.images++;
      counts.faces += faces.filter(({ ignore }) => !ignore).length;
      counts.ignored += faces.filter(({ ignore }) => ignore).length;
      yield Buffer.from(`${JSON.stringify({ file, ...reviewed.size, faces })}\n`);
    }
    after = page.next ?? undefined;
  } while (after !== undefined);
}

async function review({ id, width, height }: ImageRow, { listing, versions }: Sources): Promise<Reviewed | null> {
  if (width === null || height === null) return null;
  const size = { width, height };
  const list = await versions.list(id);
  const current = served(list);
  const first = list.find(({ number }) => number === 1);
  if (current && first) {
    const found = (await listing.job(first.id))?.faces ?? null;
    const { masks, visible } = current;
    return { size, found, first: first.masks, masks, visible, isCorrected: current.number > 1 };
  }
  const job = await versions.latestResult(id);
  if (!job?.masks) return null;
  return { size, found: job.faces, first: job.masks, masks: job.masks, visible: [], isCorrected: false };
}

/** @returns its path in the folder; null: the file is lost */
async function writeImage(image: ImageRow, folder: string, objects: ObjectStore): Promise<string | null> {
  if (image.objectKey === null) return null;
  const file = `images/${basename(image.objectKey)}`;
  const path = join(folder, file);
  if (existsSync(path)) return file;
  const bytes = await objects.get(image.objectKey);
  if (!bytes) return null;
  await writeDurably(path, [bytes], false);
  return file;
}
