import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ifPresent } from '../files/durable-file.ts';
import type { Box } from '../vision/geometry.ts';

/** The folder is not a valid data set; the message has the reason. */
export class DatasetError extends Error {
  override readonly name = 'DatasetError';
}

/** A photo and its labeled faces. */
export interface LabeledPhoto {
  readonly path: string;
  /** In pixels of the photo. */
  readonly boxes: readonly Box[];
  /** For each level of the data set, the indices of the boxes that count; the others are ignored. */
  readonly counted: readonly ReadonlySet<number>[];
}

export interface Dataset {
  /** Levels of difficulty, from the smallest set of faces to the largest. */
  readonly levels: readonly string[];
  readonly photos: readonly LabeledPhoto[];
}

/** Layout of a data set: paths of labels and photos, and the parser of the labels. */
interface Layout {
  readonly labels: string;
  readonly photos: string;
  readonly parse: (text: string) => ParsedLabels;
}

export interface ParsedLabels {
  readonly levels: readonly string[];
  /** `path` is relative to the folder of photos. */
  readonly photos: readonly LabeledPhoto[];
}

const LAYOUTS: readonly Layout[] = [
  { labels: 'ground-truth.jsonl', photos: 'images', parse: parseJsonLines },
  { labels: 'wider_face_split/wider_face_val_bbx_gt.txt', photos: 'WIDER_val/images', parse: parseWiderText },
];

/**
 * Reads the labels in `folder` in either layout (see parseJsonLines and parseWiderText), and checks that the photos exist.
 *
 * @param limit maximum number of photos, spread evenly over the data set, because neighbors are often alike
 * @throws DatasetError
 */
export async function readDataset(folder: string, limit = Infinity): Promise<Dataset> {
  for (const { labels, photos, parse } of LAYOUTS) {
    const text = await ifPresent(readFile(join(folder, labels), 'utf8'));
    if (text === undefined) continue;
    const parsed = naming(labels, () => parse(text));
    if (parsed.photos.length === 0) throw new DatasetError(`${labels} lists no photos`);
    const chosen = spread(parsed.photos, limit).map((photo) => ({ ...photo, path: join(folder, photos, photo.path) }));
    await refuseAbsentPhotos(chosen, labels);
    return { levels: parsed.levels, photos: chosen };
  }
  const expected = LAYOUTS.map(({ labels, photos }) => `${labels} with the photos in ${photos}/`).join(', or ');
  throw new DatasetError(`${folder} is not a data set: expected ${expected}`);
}

const DIFFICULTIES = ['easy', 'medium', 'hard'] as const;

const indices = z.array(z.int().nonnegative()).optional();

const lineSchema = z.object({
  image: z.string().min(1),
  boxes: z.array(z.tuple([z.number(), z.number(), z.number().nonnegative(), z.number().nonnegative()])),
  easy: indices,
  medium: indices,
  hard: indices,
});

type Line = z.infer<typeof lineSchema>;

/**
 * One photo a line: `{"image": "a.jpg", "boxes": [[x, y, width, height], …], "easy": [0, …], "medium": […],
 * "hard": […]}`, boxes in pixels, difficulties as indices of the boxes that count. If no line has difficulties, there is
 * one level, at which all faces count. Other keys are ignored.
 *
 * @throws DatasetError
 */
export function parseJsonLines(text: string): ParsedLabels {
  const lines = text
    .split('\n')
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, number }) => ({ number, ...parseLine(line, number) }));
  const graded = lines.some((line) => DIFFICULTIES.some((difficulty) => line[difficulty] !== undefined));
  return {
    levels: graded ? DIFFICULTIES : ['all'],
    photos: lines.map((line) => ({
      path: line.image,
      boxes: line.boxes.map(toBox),
      counted: graded ? DIFFICULTIES.map((difficulty) => countedFaces(line, difficulty)) : [allOf(line.boxes)],
    })),
  };
}

function parseLine(line: string, number: number): Line {
  const result = lineSchema.safeParse(parseJson(line, number));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new DatasetError(`line ${number}: ${issue?.path.join('.') || 'the line'}: ${issue?.message ?? 'not valid'}`);
}

function parseJson(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new DatasetError(`line ${number} is not JSON`);
  }
}

function countedFaces(line: Line & { number: number }, difficulty: (typeof DIFFICULTIES)[number]): Set<number> {
  const counted = line[difficulty];
  if (counted === undefined) {
    throw new DatasetError(`line ${line.number} has no "${difficulty}", while other lines name difficulties`);
  }
  const outside = counted.find((index) => index >= line.boxes.length);
  if (outside !== undefined) {
    throw new DatasetError(
      `line ${line.number}: "${difficulty}" names box ${outside} of ${line.boxes.length} (from 0)`,
    );
  }
  return new Set(counted);
}

/** x, y, width, height, blur, expression, illumination, invalid, occlusion, pose. */
const WIDER_COLUMNS = 10;
const WIDER_INVALID = 7;

/**
 * Labels as published with WIDER FACE: for each photo its path, the number of faces, and a row of ten integers per face
 * (see WIDER_COLUMNS). A photo without faces has a row of zeros. The difficulties are in MATLAB files, which are not read:
 * there is one level, at which every face counts that has an area and is not marked invalid.
 *
 * @throws DatasetError
 */
export function parseWiderText(text: string): ParsedLabels {
  const lines = text.split('\n').map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  const photos: LabeledPhoto[] = [];
  for (let at = 0; at < lines.length;) {
    const path = lines[at]!;
    if (!/\.\w+$/.test(path)) throw new DatasetError(`line ${at + 1} should be a photo's path, it is "${path}"`);
    const count = Number(lines[at + 1] || NaN);
    if (!Number.isInteger(count) || count < 0) {
      throw new DatasetError(`line ${at + 2} should be the number of faces in ${path}, it is "${lines[at + 1] ?? ''}"`);
    }
    const first = at + 2;
    const rows = Array.from({ length: count }, (_, face) => parseWiderRow(lines[first + face] ?? '', first + face + 1));
    photos.push({
      path,
      boxes: rows.map(toBox),
      counted: [new Set([...rows.keys()].filter((face) => isWiderFace(rows[face]!)))],
    });
    at = first + count;
    if (count === 0 && /^0( 0)*$/.test(lines[at] ?? '')) at++;
  }
  return { levels: ['all'], photos };
}

function parseWiderRow(line: string, number: number): number[] {
  const row = line.split(/\s+/).map(Number);
  if (line !== '' && row.length === WIDER_COLUMNS && row.every(Number.isInteger)) return row;
  throw new DatasetError(`line ${number} should be a face, ${WIDER_COLUMNS} whole numbers, it is "${line}"`);
}

function isWiderFace(row: number[]): boolean {
  return row[WIDER_INVALID] === 0 && row[2]! > 0 && row[3]! > 0;
}

function toBox([left, top, width, height]: readonly number[]): Box {
  return { left: left!, top: top!, right: left! + width!, bottom: top! + height! };
}

function allOf(boxes: readonly unknown[]): Set<number> {
  return new Set(boxes.keys());
}

function spread<Item>(items: readonly Item[], limit: number): readonly Item[] {
  if (limit >= items.length) return items;
  return Array.from({ length: limit }, (_, index) => items[Math.floor((index * items.length) / limit)]!);
}

async function refuseAbsentPhotos(photos: readonly LabeledPhoto[], labels: string): Promise<void> {
  const present = await Promise.all(
    photos.map(({ path }) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  const absent = photos.filter((_, index) => !present[index]);
  if (absent.length === 0) return;
  throw new DatasetError(
    `${absent.length} of the photos that ${labels} lists cannot be read, the first is ${absent[0]!.path}`,
  );
}

/** Adds the name of the file to the message of an error. */
function naming<Result>(file: string, parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    throw error instanceof DatasetError ? new DatasetError(`${file}, ${error.message}`) : error;
  }
}
