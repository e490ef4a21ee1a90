import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ifPresent } from '../../files/durable-file.ts';
import type { Source } from './sources.ts';

const LOOK_EVERY_MS = 2000;

export interface Sighting {
  readonly source: Source;
  /** Changes with the content: size and time of the last change. */
  readonly state: string;
}

/**
 * Knows from one look at a folder to the next which files are complete: those that have not changed in between. A file that
 * changes later is complete again.
 */
export class Arrivals {
  /** State of the files that may still grow, by name */
  #growing = new Map<string, string>();
  /** Short keys of name and state, because there is one for each file in the folder. */
  #complete = new Set<string>();

  /** Yields each file once it is complete. */
  async *look(sightings: AsyncIterable<Sighting>): AsyncGenerator<Source> {
    const growing = new Map<string, string>();
    const complete = new Set<string>();
    for await (const { source, state } of sightings) {
      const key = keyOf(source.name, state);
      const isNew = !this.#complete.has(key);
      if (isNew && this.#growing.get(source.name) !== state) {
        growing.set(source.name, state);
        continue;
      }
      complete.add(key);
      if (isNew) yield source;
    }
    this.#growing = growing;
    this.#complete = complete;
  }
}

/** The files of a folder and those that arrive, each once it is complete, until the signal. */
export async function* watched(find: () => AsyncIterable<Source>, until: AbortSignal): AsyncGenerator<Source> {
  const arrivals = new Arrivals();
  while (!until.aborted) {
    yield* arrivals.look(sightingsOf(find()));
    await sleep(LOOK_EVERY_MS, undefined, { signal: until }).catch(() => undefined);
  }
}

async function* sightingsOf(sources: AsyncIterable<Source>): AsyncGenerator<Sighting> {
  for await (const source of sources) {
    const stats = await ifPresent(stat(source.path)).catch(() => undefined);
    // Without: it is gone already, or cannot be read, which is reported when it is processed.
    yield { source, state: stats ? `${stats.size} ${stats.mtimeMs} ${stats.ino}` : '' };
  }
}

function keyOf(name: string, state: string): string {
  return createHash('sha256')
    .update(JSON.stringify([name, state]))
    .digest('base64url')
    .slice(0, 22);
}
