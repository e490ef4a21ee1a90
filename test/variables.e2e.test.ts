import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type Setting, settings } from '../src/config/settings.ts';

/** Whatever names a variable of the service, outside of it: how it is run, and what is written about it. */

const all = Object.values(settings).flatMap((slice) => Object.values(slice) as Setting<unknown>[]);
const NAMES = all.flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name]));
const VARIABLE = /\b(?:FACE_API_[A-Z][A-Z0-9_]*[A-Z0-9]|DATABASE_URL(?:_FILE)?|OTEL_[A-Z_]+[A-Z])\b/g;

const files = [
  ...globSync('docker/**/*', { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => `${parentPath}/${name}`),
  ...globSync('docs/*.md'),
  'README.md',
  'admin/README.md',
].filter((file) => globSync(file).length === 1);

async function named(file: string): Promise<string[]> {
  const found = [...(await readFile(file, 'utf8')).matchAll(VARIABLE)].map(([name]) => name);
  // For the tests themselves; the service passes over them.
  return found.filter((name) => !name.startsWith('FACE_API_TEST_'));
}

describe('every variable that is named', () => {
  it.each(files)('in %s is a setting', async (file) => {
    expect((await named(file)).filter((name) => !NAMES.includes(name))).toEqual([]);
  });

  it('was looked for where there are some', async () => {
    const counts = await Promise.all(files.map(async (file) => (await named(file)).length));

    expect(files.length).toBeGreaterThan(30);
    expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThan(150);
  });
});

describe('every setting', () => {
  it('is in .env.example and in docs/configuration.md, with its default', async () => {
    const example = await readFile('.env.example', 'utf8');
    const page = await readFile('docs/configuration.md', 'utf8');
    for (const { name, default: value } of all) {
      expect(example.split('\n')).toContain(`#${name}=${value}`);
      expect(page).toContain(`| \`${name}\``);
    }
  });

  it('can be given to compose and to the unit, which pass on a file of them (and to the chart: chart.e2e.test.ts)', async () => {
    const compose = await readFile('docker/compose.yaml', 'utf8');
    const unit = await readFile('docker/systemd/face-api.service', 'utf8');

    expect(compose).toMatch(/^x-service: &service\n(?: .*\n)*? {2}env_file:\n {4}- path: \.env\n/m);
    expect(compose.match(/<<: \*service$/gm)).toHaveLength(3);
    expect(unit).toMatch(/^EnvironmentFile=-\/etc\/face-api\/face-api\.env$/m);
  });
});
