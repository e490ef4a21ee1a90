import { existsSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** Fails the build where a page's first load (HTML, scripts and styles, gzipped) is above its budget. */

const BUDGET_BYTES = 150 * 1024;
const BUILD = new URL('../build/', import.meta.url);
const KIT = new URL('../.svelte-kit/output/client/.vite/manifest.json', import.meta.url);

interface Chunk {
  readonly file: string;
  readonly imports?: readonly string[];
  readonly css?: readonly string[];
}

type Manifest = Readonly<Record<string, Chunk>>;

const gzippedBytes = (path: string) => gzipSync(readFileSync(new URL(path, BUILD))).length;

/** The files that a browser loads for these entries before they run. */
function filesOf(manifest: Manifest, entries: readonly string[]): Set<string> {
  const files = new Set<string>();
  const visit = (name: string) => {
    const chunk = manifest[name];
    if (chunk === undefined) throw new Error(`the build's manifest has no ${name}`);
    if (files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const style of chunk.css ?? []) files.add(style);
    for (const imported of chunk.imports ?? []) visit(imported);
  };
  entries.forEach(visit);
  return files;
}

/** SvelteKit's start, the layout (node 0), the error page (node 1), and the first page by its route, which is /. */
function overviewFiles(): string[] {
  const manifest = JSON.parse(readFileSync(KIT, 'utf8')) as Manifest;
  const parts = [
    '/client/entry.js',
    '/client/client-entry.js',
    ...['app', 'nodes/0', 'nodes/1', 'nodes/2'].map((name) => `/client-optimized/${name}.js`),
  ];
  const entries = parts.map((part) => {
    const name = Object.keys(manifest).find((key) => key.endsWith(part));
    if (name === undefined) throw new Error(`the build's manifest has no …${part}`);
    return name;
  });
  return ['index.html', ...filesOf(manifest, entries)];
}

function loginFiles(): string[] {
  const html = readFileSync(new URL('login/index.html', BUILD), 'utf8');
  const linked = [...html.matchAll(/(?:src|href)="\/admin\/(login\/[^"]+\.(?:js|css))"/g)].map(([, path]) => path!);
  if (linked.length < 2) throw new Error('the login page links no script or no style');
  return ['login/index.html', ...linked];
}

for (const [page, files] of Object.entries({ login: loginFiles(), overview: overviewFiles() })) {
  const present = files.filter((file) => existsSync(new URL(file, BUILD)));
  if (present.length < files.length) throw new Error(`${page} loads files that were not built: ${files.join(', ')}`);
  const bytes = files.reduce((sum, file) => sum + gzippedBytes(file), 0);
  const summary = `${page}: ${(bytes / 1024).toFixed(1)} of ${BUDGET_BYTES / 1024} KB gzipped, ${files.length} files`;
  if (bytes > BUDGET_BYTES) throw new Error(`the first load is above its budget. ${summary}`);
  console.log(summary);
}
