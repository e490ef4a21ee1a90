import { hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { ifPresent } from '../../files/durable-file.ts';

export const REPORT_NAME = 'face-api-report.jsonl';

const doneSchema = z.looseObject({
  state: z.literal('done'),
  source: z.string(),
  source_sha256: z.string(),
  options_sha256: z.string(),
  output: z.string(),
  output_bytes: z.number(),
  output_sha256: z.string(),
});
export type DoneLine = z.infer<typeof doneSchema>;

export interface FailedLine {
  readonly state: 'failed';
  readonly source: string;
  readonly options_sha256: string;
  /** Of the error, as in the API; or that of the system, such as EACCES. */
  readonly code: string;
  readonly reason: string;
}

/** What is to be done with a file */
export interface Task {
  readonly source: string;
  readonly options_sha256: string;
  /** Of the file as it is now */
  readonly sha256: string;
}

/** The result of a task that is done */
export interface Done {
  /** What its name has after that of the source, such as `.json`. */
  readonly suffix: string;
  readonly bytes: number;
}

/** The lines of face-api-report.jsonl: one for each source that is done, and for each that failed in the last run. */
export class Report {
  readonly path: string;
  readonly #inPlace: boolean;
  readonly #file: FileHandle;
  readonly #done: Map<string, Done>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, inPlace: boolean, file: FileHandle, done: Map<string, Done>) {
    this.path = path;
    this.#inPlace = inPlace;
    this.#file = file;
    this.#done = done;
  }

  /**
   * Continues the report in the folder, without the failures, which are tried again, and without the last line if a killed
   * run left it incomplete.
   * @param inPlace whether results replace their sources
   */
  static async open(folder: string, inPlace: boolean): Promise<Report> {
    const path = join(folder, REPORT_NAME);
    const done = new Map<string, Done>();
    if (await ifPresent(stat(path))) {
      await pipeline(doneLines(path, inPlace, done), createWriteStream(`${path}.tmp`));
      await rename(`${path}.tmp`, path);
    }
    return new Report(path, inPlace, await open(path, 'a'), done);
  }

  find(task: Task): Done | undefined {
    return this.#done.get(keyOf(task));
  }

  async add(line: DoneLine | FailedLine): Promise<void> {
    // A run that was killed before it replaced the source has written the line.
    if (line.state === 'done' && !keep(line, this.#inPlace, this.#done)) return;
    // One after the other, so that no line is written into another.
    this.#writing = this.#writing.then(() => this.#file.appendFile(`${JSON.stringify(line)}\n`));
    await this.#writing;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

async function* doneLines(path: string, inPlace: boolean, done: Map<string, Done>): AsyncGenerator<string> {
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const line = readLine(text);
    if (line !== null && keep(line, inPlace, done)) yield `${text}\n`;
  }
}

function readLine(text: string): DoneLine | null {
  try {
    return doneSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    // The incomplete last line of a killed run
    return null;
  }
}

/** @returns false if it is there already: that task has a result of that size */
function keep(line: DoneLine, inPlace: boolean, done: Map<string, Done>): boolean {
  const key = keyOf({ ...line, sha256: inPlace ? line.output_sha256 : line.source_sha256 });
  const result = { suffix: line.output.slice(line.source.length), bytes: line.output_bytes };
  if (done.get(key)?.bytes === result.bytes) return false;
  done.set(key, result);
  return true;
}

/** Short, because there is one in memory for each file that is done. */
function keyOf({ source, options_sha256, sha256 }: Task): string {
  const identity = JSON.stringify([source, options_sha256, sha256]);
  return hash('sha256', identity, 'base64url').slice(0, 22);
}
