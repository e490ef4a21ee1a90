import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { foreignParts } from '../../src/vision/container/foreign-parts.ts';
import { tiffParts } from '../../src/vision/container/tiff-parts.ts';
import { portrait, render } from '../fixtures/portraits.ts';
import { metadataBlocks } from '../../src/vision/container/metadata-blocks.ts';
import { METADATA_FORMATS } from '../../src/vision/metadata/embed-metadata.ts';
import {
  ASCII,
  type ExifParts,
  LONG,
  RATIONAL,
  UNDEFINED,
  withMetadata,
  writeExif,
  xmpPacket,
} from '../fixtures/exif-writer.ts';
import { type Random, seededRandom } from '../fixtures/random.ts';
import { CANARY, stuffed } from '../fixtures/stuffed.ts';
import { type Audit, type Finding, maskedBytes, sendForMask, tryCases, type Verdict } from './check.ts';

/**
 * Answers are built from pixels alone: whatever the image carries, none of it comes along (promise 3), except the values of
 * metadata that are asked for, which are written anew (promise 9).
 */

const OUTPUTS = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const;
const INPUTS = ['jpeg', 'png', 'webp', 'gif'] as const;

/** @param files further images to send, as they are */
export async function checkMetadata(audit: Audit, files: readonly string[] = []): Promise<Finding[]> {
  const findings = [];
  for (const input of INPUTS) {
    const image = await stuffed(await render(portrait({ seed: 3, width: 160, height: 200 })), input);
    findings.push(
      await tryCases(audit, 3, `${input} with payloads, every output format`, OUTPUTS.length, (index) =>
        tryImage(audit, image, { format: OUTPUTS[index]! }),
      ),
    );
  }
  if (files.length > 0) {
    findings.push(
      await tryCases(audit, 3, 'collected images', files.length, async (index) =>
        tryImage(audit, await readFile(files[index]!), {}),
      ),
    );
  }
  return findings;
}

/** Texts that may come along. */
interface Permitted {
  readonly artist: string;
  readonly rights: string;
  readonly model: string;
}

/** What metadata comes along is of the permitted values only: no run of this many bytes of the image is elsewhere in it. */
const RUN = 8;

export async function checkCarriedMetadata(audit: Audit): Promise<Finding[]> {
  const image = await render(portrait({ seed: 3, width: 160, height: 200 }));
  const jpeg = Buffer.from(await sharp(image).jpeg().toBuffer());
  const cases = Math.max(4, Math.ceil(audit.cases / 8));
  const findings = [];
  for (const format of METADATA_FORMATS) {
    findings.push(
      await tryCases(audit, 9, `metadata carried into ${format}`, cases, (index) =>
        tryCarried(audit, jpeg, format, seededRandom(index + 1)),
      ),
    );
  }
  return findings;
}

async function tryCarried(audit: Audit, jpeg: Buffer, format: string, random: Random): Promise<Verdict> {
  const permitted = { artist: word(random, 12), rights: `(c) ${word(random, 20)}`, model: `X-${word(random, 6)}` };
  const source = carrying(jpeg, permitted, random);
  const query = { metadata: 'time,place,credit,camera,panorama', format, detect: false };
  const response = await sendForMask(audit, source, query);
  const answer = Buffer.from(await response.arrayBuffer());
  const files = { source, answer };
  if (!response.ok) return { reason: `answer ${response.status}`, files };
  const foreign = foreignParts(answer, true);
  if (foreign.length > 0) return { reason: `the answer holds ${foreign.join(', ')}`, files };
  // What every answer has, whatever its values are: the form in which those of this length are written.
  const others = { artist: 'A'.repeat(12), rights: 'R'.repeat(24), model: 'M'.repeat(8) };
  const form = await maskedBytes(audit, carrying(jpeg, others, seededRandom(1)), query);
  const found = foreignRun(metadataOf(answer), source, metadataOf(form), Object.values(permitted));
  if (found !== null) return { reason: `the answer holds ${JSON.stringify(found)} of the image`, files };
  const missing = Object.values(permitted).find((text) => !metadataOf(answer).includes(text));
  return missing === undefined ? null : { reason: `the answer lacks ${missing}`, files };
}

function metadataOf(file: Buffer): Buffer {
  const { exif, xmp } = metadataBlocks(file);
  // Of a TIFF, the EXIF is the file: its pixels are those of the picture.
  const entries = exif && exif.length === file.length ? tiffParts(file).filter(({ name }) => name !== 'pixels') : null;
  const blocks = [entries ? entries.map(({ data }) => data) : [exif ?? Buffer.alloc(0)], [xmp ?? Buffer.alloc(0)]];
  return Buffer.concat(blocks.flat());
}

/** A run of bytes of the image that is in the metadata of the answer, but in none of the permitted texts, and not in its form. */
function foreignRun(metadata: Buffer, source: Buffer, form: Buffer, permitted: readonly string[]): string | null {
  const between = permitted.reduce(
    (pieces, text) => pieces.flatMap((piece) => piece.split(text)),
    [metadata.toString('latin1')],
  );
  for (const piece of between) {
    for (let at = 0; at + RUN <= piece.length; at++) {
      const run = Buffer.from(piece.slice(at, at + RUN), 'latin1');
      if (source.includes(run) && !form.includes(run)) return run.toString('latin1');
    }
  }
  return null;
}

/** The JPEG with the permitted texts, and with others, numbers and a thumbnail wherever a camera puts them. */
function carrying(jpeg: Buffer, { artist, rights, model }: Permitted, random: Random): Buffer {
  const secret = () => word(random, 24);
  const bytes = Uint8Array.from({ length: 200 }, () => random.int(0, 255));
  const exif: ExifParts = {
    image: [
      [270, ASCII, secret()],
      [271, ASCII, 'Maker'],
      [272, ASCII, model],
      [305, ASCII, secret()],
      [315, ASCII, artist],
      [33_432, ASCII, rights],
    ],
    exif: [
      [36_867, ASCII, '2026:11:28 06:40:59'],
      [37_500, UNDEFINED, bytes],
      [37_510, ASCII, secret()],
      [42_033, ASCII, secret()],
    ],
    gps: [
      [1, ASCII, 'N'],
      [2, RATIONAL, [48, 1, 51, 1, 30, 1]],
      [3, ASCII, 'E'],
      [4, RATIONAL, [2, 1, 17, 1, 40, 1]],
      [27, ASCII, secret()],
    ],
    thumbnail: [
      [513, LONG, [8]],
      [514, LONG, [bytes.length]],
    ],
    tail: bytes,
  };
  const xmp = xmpPacket(`<dc:title>${secret()}</dc:title>`, `xmp:CreatorTool="${secret()}"`);
  return withMetadata(jpeg, writeExif(exif, random.chance(0.5)), xmp);
}

function word(random: Random, length: number): string {
  return Array.from({ length }, () => String.fromCharCode(random.int(97, 122))).join('');
}

async function tryImage(audit: Audit, image: Buffer, query: { format?: string }): Promise<Verdict> {
  const response = await sendForMask(audit, image, query);
  const bytes = Buffer.from(await response.arrayBuffer());
  // A file that is refused has no answer that could hold anything.
  if (response.status >= 400 && response.status < 500) return null;
  const foreign = response.ok ? foreignParts(bytes) : [`answer ${response.status}`];
  if (bytes.includes(CANARY)) foreign.push('the canary');
  if (foreign.length === 0) return null;
  return { reason: `the answer holds ${foreign.join(', ')}`, files: { source: image, answer: bytes } };
}
