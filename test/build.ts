import { spawnSync } from 'node:child_process';
import { existsSync, globSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const MAIN = join(REPOSITORY, 'dist/main.js');
const STAMP = join(REPOSITORY, 'dist/.tsbuildinfo');

/** Before the end-to-end tests: some run the service as it is started, from dist/, which must not be older than src/. */
export default function build(): void {
  if (!isStale()) return;
  // The compiler writes only what has changed since its stamp, even where what it wrote then is gone.
  if (!existsSync(MAIN)) rmSync(STAMP, { force: true });
  const { resolve } = createRequire(import.meta.url);
  const compiler = join(dirname(resolve('typescript/package.json')), 'bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the build that the tests need failed:\n${stdout}`);
}

function isStale(): boolean {
  if (!existsSync(STAMP) || !existsSync(MAIN)) return true;
  const builtMs = statSync(STAMP).mtimeMs;
  return globSync(join(REPOSITORY, '{src/**/*.ts,tsconfig*.json}')).some((file) => statSync(file).mtimeMs > builtMs);
}
