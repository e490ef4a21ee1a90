import { spawnSync } from 'node:child_process';
import { existsSync, globSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const MAIN = join(REPOSITORY, 'dist/main.js');
const STAMP = join(REPOSITORY, 'dist/.tsbuildinfo');
const LOGIN_PAGE = join(REPOSITORY, 'admin/build/login/index.html');

/**
 * Before the end-to-end tests: some run the service as it is started, from dist/, which must not be older than src/;
 * and the console as it is served, which must not be older than its own source.
 */
export default function build(): void {
  if (isServiceStale()) buildService();
  if (isConsoleStale()) buildConsole();
}

function buildService(): void {
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

function buildConsole(): void {
  const { status, stdout, stderr } = spawnSync('npm', ['run', 'build', '--workspace', 'admin'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
    // The test runner's own NODE_ENV would make it a build for developers.
    env: { ...process.env, NODE_ENV: 'production' },
  });
  if (status !== 0) throw new Error(`the build of the console that the tests need failed:\n${stdout}${stderr}`);
}

const isServiceStale = () => !existsSync(MAIN) || isOlder(STAMP, '{src/**/*.ts,tsconfig*.json}');

/** The login page is built last. */
const isConsoleStale = () => isOlder(LOGIN_PAGE, 'admin/{src,login,static,scripts}/**/*.*', 'admin/*.{ts,json}');

function isOlder(built: string, ...sources: readonly string[]): boolean {
  if (!existsSync(built)) return true;
  const builtMs = statSync(built).mtimeMs;
  const patterns = sources.map((source) => join(REPOSITORY, source));
  return globSync(patterns).some((file) => statSync(file).mtimeMs > builtMs);
}
