import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type MaskedBody, maskedSchema } from '../../src/masking/schemas.ts';

/** What the audit is made of: checks that send images to a service and judge its answers from outside. */

export interface Audit {
  /** Address of the service, without a slash at the end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How many images each line of the table is tried with. */
  readonly cases: number;
  /** Where the files of counter-examples are put. */
  readonly folder: string;
}

/** A line of the audit's table. */
export interface Finding {
  /** Number of the promise in docs/masks.md. */
  readonly promise: number;
  readonly what: string;
  readonly cases: number;
  readonly counterExamples: number;
  /** What the first counter-example was. */
  readonly example?: string;
}

/** One case: null where the promise held, else what went wrong, with the files that show it. */
export type Verdict = { readonly reason: string; readonly files: Readonly<Record<string, Uint8Array>> } | null;

/** So many requests are on their way at once: below the service's slots, so that none is refused. */
const AT_ONCE = 4;
const FILES_KEPT = 5;

/** Tries `cases` cases of one promise. A case that throws is a counter-example. */
export async function tryCases(
  audit: Audit,
  promise: number,
  what: string,
  cases: number,
  tryOne: (index: number) => Promise<Verdict>,
): Promise<Finding> {
  const reasons: string[] = [];
  let next = 0;
  const work = async () => {
    for (let index = next++; index < cases; index = next++) {
      const verdict = await tryOne(index).catch((error: unknown): Verdict => ({ reason: String(error), files: {} }));
      if (verdict === null) continue;
      reasons.push(`case ${index}: ${verdict.reason}`);
      if (reasons.length <= FILES_KEPT) await keepFiles(audit.folder, `${promise}-${what}-${index}`, verdict.files);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const [example] = reasons;
  return { promise, what, cases, counterExamples: reasons.length, ...(example !== undefined && { example }) };
}

async function keepFiles(folder: string, name: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const place = join(folder, name.replaceAll(/[^\w.-]+/g, '-'));
  await mkdir(place, { recursive: true });
  for (const [file, bytes] of Object.entries(files)) await writeFile(join(place, file), bytes);
}

export type MaskQuery = Readonly<Record<string, string | number | boolean | object>>;

export async function sendForMask(
  audit: Audit,
  image: Uint8Array,
  query: MaskQuery,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const texts = Object.entries(query).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return fetch(`${audit.url}/api/v1/mask?${new URLSearchParams(texts).toString()}`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg', ...audit.headers, ...headers },
    body: Uint8Array.from(image),
  });
}

/** @throws Error with the problem where the answer is none of an image */
export async function maskedBytes(audit: Audit, image: Uint8Array, query: MaskQuery): Promise<Buffer> {
  const response = await sendForMask(audit, image, query);
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return Buffer.from(await response.arrayBuffer());
}

/** @throws Error with the problem where the answer is none that its schema allows */
export async function maskedAnswer(audit: Audit, image: Uint8Array, query: MaskQuery): Promise<MaskedBody> {
  const response = await sendForMask(audit, image, query, { accept: 'application/json' });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return maskedSchema.parse(await response.json());
}
