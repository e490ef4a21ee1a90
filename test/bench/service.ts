import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEnvironment } from '../support/start-environment.ts';

/** The built service as a process of its own, started as `npm start` does, and what Linux tells of it. */
export class MeasuredService {
  readonly url: string;
  readonly startMs: number;
  readonly #child: ChildProcess;

  private constructor(url: string, startMs: number, child: ChildProcess) {
    this.url = url;
    this.startMs = startMs;
    this.#child = child;
  }

  /** Until `/health/ready` answers 200. */
  static async start(model: string): Promise<MeasuredService> {
    const start = performance.now();
    const child = spawn(process.execPath, ['--enable-source-maps', 'dist/main.js'], {
      env: {
        ...process.env,
        ...startEnvironment(),
        FACE_API_HOST: '127.0.0.1',
        FACE_API_PORT: '0',
        FACE_API_MODEL: model,
      },
      // What is logged is written, and read by nobody.
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const url = await announcedUrl(child);
    while (!(await fetch(`${url}/health/ready`)).ok) await sleep(5);
    return new MeasuredService(url, performance.now() - start, child);
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }

  async residentMegabytes(): Promise<number> {
    return this.#fromStatus('VmRSS');
  }

  async peakMegabytes(): Promise<number> {
    return this.#fromStatus('VmHWM');
  }

  /** That all its threads have used so far. */
  async cpuMs(): Promise<number> {
    const text = await readFile(`/proc/${this.#child.pid}/stat`, 'utf8');
    // Counted from behind the name, which is free text in brackets: user and system time in hundredths of a second.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  async #fromStatus(name: string): Promise<number> {
    const text = await readFile(`/proc/${this.#child.pid}/status`, 'utf8');
    const [, kilobytes] = new RegExp(`${name}:\\s+(\\d+)`).exec(text)!;
    return Number(kilobytes) / 1024;
  }
}

/** The listening line; what else it says is passed on. */
async function announcedUrl({ stderr }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    stderr!.on('end', () => {
      reject(new Error('the service did not start'));
    });
    stderr!.on('data', (chunk: Buffer) => {
      const [address] = /http:\/\/[\w.]+:\d+/.exec(chunk.toString()) ?? [];
      if (address) resolve(address.replace('localhost', '127.0.0.1'));
      if (!/ is listening on |^(Console|Password): /.test(chunk.toString())) process.stderr.write(chunk);
    });
  });
}
