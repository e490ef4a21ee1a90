import { spawnSync } from 'node:child_process';
import { existsSync, globSync, rmSync, statSync, utimesSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Builds what is older than its sources, or everything with `--all`: the service to dist/, the console to admin/build/.
 * Prints one line for each part that it builds, and the output of the tool only if the build fails.
 */

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const MAIN = join(REPOSITORY, 'dist/main.js');
const STAMP = join(REPOSITORY, 'dist/.tsbuildinfo');
/** The last file that the build of the console writes. */
const LOGIN_PAGE = join(REPOSITORY, 'admin/build/login/index.html');

/** @throws Error with the output of the tool if a build fails */
export function build({ all = false } = {}): void {
  if (all || isServiceStale()) buildPart('the service', 'dist/', buildService);
  if (all || isConsoleStale()) buildPart('the console', 'admin/build/', buildConsole);
}

function buildPart(name: string, folder: string, run: () => void): void {
  const start = performance.now();
  run();
  process.stderr.write(`Built ${name} in ${((performance.now() - start) / 1000).toFixed(1)} s (${folder})\n`);
}

function buildService(): void {
  // The compiler writes only what changed since its stamp, even if its earlier output was deleted.
  if (!existsSync(MAIN)) rmSync(STAMP, { force: true });
  const { resolve } = createRequire(import.meta.url);
  const compiler = join(dirname(resolve('typescript/package.json')), 'bin/tsc');
  run('The build of the service', process.execPath, [compiler, '-p', 'tsconfig.build.json']);
  // It does not write the stamp if only the times of the sources changed.
  utimesSync(STAMP, new Date(), new Date());
}

function buildConsole(): void {
  run('The build of the console', 'npm', ['run', 'build', '--workspace', 'admin']);
}

function run(what: string, command: string, args: readonly string[]): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: REPOSITORY,
    encoding: 'utf8',
    // A test runner sets NODE_ENV=test, which would give a development build of the console.
    env: { ...process.env, NODE_ENV: 'production' },
  });
  if (error) throw new Error(`${what} failed: ${error.message}`);
  if (status !== 0) throw new Error(`${what} failed:\n${stdout}${stderr}`);
}

const isServiceStale = () => !existsSync(MAIN) || isOlder(STAMP, '{src/**/*.ts,tsconfig*.json}');

const isConsoleStale = () => isOlder(LOGIN_PAGE, 'admin/{src,login,static,scripts}/**/*.*', 'admin/*.{ts,json}');

function isOlder(built: string, ...sources: readonly string[]): boolean {
  if (!existsSync(built)) return true;
  const builtMs = statSync(built).mtimeMs;
  const patterns = sources.map((source) => join(REPOSITORY, source));
  return globSync(patterns).some((file) => statSync(file).mtimeMs > builtMs);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    build({ all: process.argv.includes('--all') });
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
