import { type ChildProcess, fork } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AssetUrls } from '../src/storage/objects/asset-urls.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import type { StarterAnswer } from './fixtures/secret-starter.ts';

/** How often two processes make a secret at once; FACE_API_TEST_CASES=1500 is a long run. */
const ROUNDS = Number(process.env['FACE_API_TEST_CASES'] ?? 150);
const STARTER = fileURLToPath(new URL('fixtures/secret-starter.ts', import.meta.url));

let folder: string;
const started: ChildProcess[] = [];

beforeAll(async () => {
  folder = await makeDataFolder('secrets');
});
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

function starter(environment: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = fork(STARTER, { execArgv: [], env: { PATH: process.env['PATH'], ...environment } });
  started.push(child);
  return child;
}

/** What the process holds as its secret; null where it died over it. */
function secretOf(child: ChildProcess, kind: string, place: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const dead = () => {
      resolve(null);
    };
    child.once('exit', dead);
    child.once('message', ({ secret, error }: StarterAnswer) => {
      child.off('exit', dead);
      if (secret === undefined) reject(new Error(error));
      else resolve(secret);
    });
    child.send({ kind, folder: place });
  });
}

async function emptyFolder(name: string): Promise<string> {
  const place = join(folder, name);
  await mkdir(place, { mode: 0o711 });
  return place;
}

const KINDS = {
  receipt: { file: 'receipt-key.pem', isIn: (secret: string, content: Buffer) => secret === content.toString() },
  assets: {
    file: 'asset-url.key',
    isIn: (secret: string, content: Buffer) => {
      const { searchParams } = new URL(secret, 'http://localhost');
      return new AssetUrls(content).verify('originals/a', searchParams.get('expires')!, searchParams.get('signature')!);
    },
  },
  postgres: {
    file: 'postgres.password',
    isIn: (secret: string, content: Buffer) => secret === content.toString().trim(),
  },
} as const;

describe('two processes that start at once in an empty folder', () => {
  it.each(['receipt', 'assets'] as const)(
    'hold the same secret: %s',
    async (kind) => {
      const [one, other] = [starter(), starter()];
      const failures: string[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const place = await emptyFolder(`${kind}-${round}`);
        const outcomes = await Promise.allSettled([secretOf(one, kind, place), secretOf(other, kind, place)]);
        const content = await readFile(join(place, KINDS[kind].file));
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') failures.push(`round ${round}: ${outcome.reason}`);
          else if (!KINDS[kind].isIn(outcome.value!, content)) failures.push(`round ${round}: another secret`);
        }
      }
      expect(failures).toEqual([]);
    },
    60_000 + ROUNDS * 100,
  );
});

describe('a process that dies while it makes a secret', () => {
  it.each(['receipt', 'assets', 'postgres'] as const)(
    'is survived by the next start, at whichever step it died: %s',
    async (kind) => {
      const { file, isIn } = KINDS[kind];
      let died = 0;
      // Each start of PostgreSQL takes seconds.
      for (let step = 1; ; step += kind === 'postgres' ? 4 : 1) {
        const place = await emptyFolder(`${kind}-dies-at-${step}`);
        const first = starter({ DIE_AT: String(step), DIE_FILE: file });
        if ((await secretOf(first, kind, place)) !== null) break;
        died = step;
        const next = starter();
        const secret = await secretOf(next, kind, place);
        expect(isIn(secret!, await readFile(join(place, file))), `after dying at step ${step}`).toBe(true);
        next.kill();
      }
      expect(died).toBeGreaterThan(1);
    },
    180_000,
  );

  it.each(['receipt', 'assets', 'postgres'] as const)(
    'as an earlier version could leave it, with an empty file: %s',
    async (kind) => {
      const { file, isIn } = KINDS[kind];
      const place = await emptyFolder(`${kind}-empty`);
      await writeFile(join(place, file), '');
      const secret = await secretOf(starter(), kind, place);
      expect(isIn(secret!, await readFile(join(place, file)))).toBe(true);
    },
  );
});
