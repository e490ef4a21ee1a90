import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DoneLine, Report } from './report.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'face-api-report-'));
});
afterAll(() => rm(folder, { recursive: true }));

const done = (source: string): DoneLine => ({
  state: 'done',
  source,
  source_sha256: `before ${source}`,
  options_sha256: 'options',
  output: `${source}.json`,
  output_bytes: 3,
  output_sha256: `after ${source}`,
});
const task = (source: string, sha256 = `before ${source}`, options_sha256 = 'options') => ({
  source,
  sha256,
  options_sha256,
});

async function write(inPlace: boolean, ...lines: Parameters<Report['add']>[0][]): Promise<string> {
  const report = await Report.open(folder, inPlace);
  await Promise.all(lines.map((line) => report.add(line)));
  await report.close();
  return report.path;
}

async function reopened(inPlace = false): Promise<Report> {
  const report = await Report.open(folder, inPlace);
  await report.close();
  return report;
}

describe('the report', () => {
  it('finds what is done by file and options', async () => {
    await rm(await write(false));
    await write(false, done('a'));
    const report = await reopened();
    expect(report.find(task('a'))).toEqual({ suffix: '.json', bytes: 3 });
    expect(report.find(task('a', 'before b'))).toBeUndefined();
    expect(report.find(task('a', 'before a', 'others'))).toBeUndefined();
    expect(report.find(task('b', 'before a'))).toBeUndefined();
  });

  it('knows a replaced source by the digest of its result', async () => {
    await rm(await write(true));
    await write(true, done('a'));
    const report = await reopened(true);
    expect(report.find(task('a', 'before a'))).toBeUndefined();
    expect(report.find(task('a', 'after a'))).toEqual({ suffix: '.json', bytes: 3 });
  });

  it('has one line for each result, and tries failures again', async () => {
    await rm(await write(false));
    const failed = { state: 'failed', source: 'b', options_sha256: 'options', code: 'EACCES', reason: 'no' } as const;
    const path = await write(false, done('a'), failed, done('a'));
    expect((await readFile(path, 'utf8')).split('\n')).toEqual([JSON.stringify(done('a')), JSON.stringify(failed), '']);
    await reopened();
    expect(await readFile(path, 'utf8')).toBe(`${JSON.stringify(done('a'))}\n`);
  });

  it('survives a kill at any byte: what was written completely is done, and it can be continued', async () => {
    const names = fc.uniqueArray(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(names, fc.double({ min: 0, max: 1, noNaN: true }), async (sources, share) => {
        await rm(await write(false));
        const path = await write(false, ...sources.map(done));
        const whole = await readFile(path);
        const kept = Math.floor(share * whole.length);
        await truncate(path, kept);
        const complete = whole.subarray(0, kept + 1).filter((byte) => byte === 10).length;
        await write(false, done('more'));
        const report = await reopened();
        expect(sources.filter((source) => report.find(task(source)))).toEqual(sources.slice(0, complete));
        expect(report.find(task('more'))).toBeDefined();
      }),
      { numRuns: 50 },
    );
  });

  it('ignores lines that are not its own', async () => {
    await writeFile(join(folder, 'face-api-report.jsonl'), '{"state":"done"}\nnull\n\n[]\n');
    await reopened();
    expect(await readFile(join(folder, 'face-api-report.jsonl'), 'utf8')).toBe('');
  });
});
