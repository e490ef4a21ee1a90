import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startEnvironment } from './start-environment.ts';

/** The service as a process of its own, as an operator runs it. Loads nothing of it: plain Node can import this. */

export type Environment = Readonly<Record<string, string>>;

/** One thread per inference and no log lines: the tests share a small machine and a terminal. */
export const QUIET: Environment = {
  FACE_API_HOST: '127.0.0.1',
  FACE_API_PORT: '0',
  FACE_API_LOG_LEVEL: 'silent',
  FACE_API_ORT_THREADS: '1',
};

export interface ServiceProcess {
  readonly url: string;
  readonly port: number;
  readonly child: ChildProcess;
  /** All that it has written so far, on stdout and stderr. */
  readonly output: () => string;
  /** Exit code and signal, once it has ended. */
  readonly ended: Promise<readonly [code: number | null, signal: NodeJS.Signals | null]>;
  readonly stop: () => Promise<void>;
}

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** Starts `node dist/main.js` with the allocator set as `npm start` does; does not wait until it serves. */
export function spawnService(environment: Environment = {}): Omit<ServiceProcess, 'url' | 'port'> {
  const child = spawn(process.execPath, ['--enable-source-maps', 'dist/main.js'], {
    cwd: REPOSITORY,
    env: { PATH: process.env['PATH'], ...startEnvironment(), ...QUIET, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  return { child, output: () => output, ended, stop };
}

/** Starts the service as a process of its own and waits for the line that says where it serves. */
export async function startServiceProcess(environment: Environment = {}): Promise<ServiceProcess> {
  const started = spawnService(environment);
  const failed = started.ended.then(([code]) => {
    throw new Error(`the service ended with ${code} at its start:\n${started.output()}`);
  });
  failed.catch(() => undefined);
  const announced = until(() => /listening on http:\/\/[^:]+:(\d+)/.exec(started.output()), 30_000);
  const [, port] = await Promise.race([announced, failed]);
  return { ...started, port: Number(port), url: `http://127.0.0.1:${port}` };
}

/** Polls until `read` gives a value that is neither false nor null nor undefined. */
export async function until<Value>(
  read: () => Value | Promise<Value>,
  timeoutMs = 20_000,
): Promise<Exclude<Value, false | null | undefined>> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (value !== false && value !== null && value !== undefined) {
      return value as Exclude<Value, false | null | undefined>;
    }
    if (performance.now() > end) throw new Error(`still waiting after ${timeoutMs} ms: ${read.toString()}`);
    await sleep(20);
  }
}
