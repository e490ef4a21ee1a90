import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startEnvironment } from './start-environment.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

export interface CommandProcess {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Exit code, and the signal that ended it. */
  readonly ended: Promise<readonly [code: number | null, signal: NodeJS.Signals | null]>;
}

/** `face-api` from dist/ as a process of its own, which can be killed. */
export function spawnFaceApi(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): CommandProcess {
  const child = spawn(process.execPath, ['--enable-source-maps', 'dist/cli/face-api.js', ...args], {
    cwd: REPOSITORY,
    env: { PATH: process.env['PATH'], ...startEnvironment(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  return { child, stdout: () => texts.stdout, stderr: () => texts.stderr, ended };
}
