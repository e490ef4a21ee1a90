import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runFaceApi } from '../../test/fixtures/command-line.ts';
import { crowd, emptyScene, encode, portrait, type Scene } from '../../test/fixtures/portraits.ts';
import type { Figures } from '../evaluation/figures.ts';
import type { Conditions } from '../evaluation/report.ts';
import { hasShared, shared } from '../../test/support/shared.ts';

const run = (...args: string[]) => runFaceApi(['eval', ...args]);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'face-api-evaluation-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function report(...args: string[]): Promise<Conditions & Figures> {
  const json = join(folder, 'report.json');
  const { exitCode, stderr } = await run(...args, '--json', json);
  expect(stderr).toMatch(/\d+ of \d+ photos/);
  expect(exitCode).toBe(0);
  return JSON.parse(await readFile(json, 'utf8')) as Conditions & Figures;
}

async function writeScenes(dataset: string, scenes: readonly Scene[]): Promise<void> {
  await mkdir(join(dataset, 'images'), { recursive: true });
  const lines: string[] = [];
  for (const [index, scene] of scenes.entries()) {
    const image = `${index}.jpg`;
    await writeFile(join(dataset, 'images', image), await encode(scene, 'jpeg', { quality: 95 }));
    const boxes = scene.faces.map(({ box: [left, top, right, bottom] }) => [left, top, right - left, bottom - top]);
    lines.push(JSON.stringify({ image, boxes }));
  }
  await writeFile(join(dataset, 'ground-truth.jsonl'), lines.join('\n'));
}

describe('an evaluation on drawn people', () => {
  let dataset: string;
  beforeAll(async () => {
    dataset = join(folder, 'drawn');
    const seeds = [1, 2, 3, 4];
    await writeScenes(dataset, [
      ...seeds.map((seed) => portrait({ seed })),
      ...seeds.map((seed) => crowd(6, { seed })),
      emptyScene(),
    ]);
  });

  it('reports figures as text, JSON and SVG', async () => {
    const [json, svg] = [join(folder, 'figures.json'), join(folder, 'curve.svg')];
    const { exitCode, stdout } = await run('--dataset', dataset, '--json', json, '--svg', svg);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^embedded, SHA-256 [0-9a-f]{64}\n9 photos of .*, long side 640 pixels, recall fast, 1 thread\n/,
    );
    expect(stdout).toMatch(/\nall +28 +1?\.\d{3} /);
    expect(stdout).toMatch(/ms per photo.*: header .* \+ decode .* \+ tensor .* \+ inference .* \+ select /);

    const figures = JSON.parse(await readFile(json, 'utf8')) as Conditions & Figures;
    expect(figures).toMatchObject({
      photos: 9,
      inputSize: 640,
      recall: 'fast',
      largeFaces: true,
      threads: 1,
      lowThreshold: 0.02,
    });
    expect(figures.levels).toMatchObject([{ level: 'all', faces: 28 }]);
    expect(figures.sizes.reduce((sum, { faces }) => sum + faces, 0)).toBe(28);
    expect(figures.levels[0]!.averagePrecision).toBeGreaterThan(0.5);
    const [masks] = figures.masks;
    expect(masks!.faces).toBe(28);
    expect(masks!.covered / masks!.faces).toBeGreaterThan(0.9);
    expect(masks!.needlessShare).toBeLessThan(0.02);

    const { format, width, height } = await sharp(await readFile(svg)).metadata();
    expect({ format, width, height }).toEqual({ format: 'svg', width: 640, height: 480 });
  });

  it('passes on the size, the looks and the limit', async () => {
    const small = await report(
      '--dataset',
      dataset,
      '--input-size',
      '320',
      '--no-large-faces',
      '--recall',
      'high',
      '--limit',
      '3',
    );
    expect(small).toMatchObject({ photos: 3, inputSize: 320, recall: 'high', largeFaces: false });
    expect(small.levels[0]!.faces).toBe(8);
  });

  it('names the photo that cannot be decoded', async () => {
    const broken = join(folder, 'broken');
    await writeScenes(broken, [emptyScene()]);
    await writeFile(join(broken, 'images/0.jpg'), 'no photo');
    const { exitCode, stdout, stderr } = await run('--dataset', broken);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain(`${join(broken, 'images/0.jpg')}: The file type was not recognized`);
  });
});

describe('a wrong command', () => {
  it.each([
    [[], "required option '--dataset <folder>' not specified"],
    [['--dataset', 'x', '--threshold', 'low'], "argument 'low' is invalid. Expected: a number from 0.01 to 1"],
    [['--dataset', 'x', '--threshold', '0.7'], '--threshold is 0.7; the maximum is the default threshold 0.5'],
    [['--dataset', 'x', '--input-size', '100'], "argument '100' is invalid. Expected: a whole number from 32"],
    [['--dataset', 'x', '--recall', 'most'], 'Allowed choices are fast, standard, high, max'],
    [['--dataset', 'x', '--threads', '0'], "argument '0' is invalid. Expected: a whole number from 1 to 64"],
    [['--dataset', 'x', '--limit', '0'], "argument '0' is invalid. Expected: a whole number from 1"],
    [['--dataset', 'x', '--json', 'no/such/folder/a.json'], 'no/such/folder/a.json cannot be written'],
    [['--dataset', 'x', '--data', 'x'], "unknown option '--data'"],
  ])('%j: %s', async (args, problem) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(problem);
    expect(stderr).toMatch(/; run: face-api eval --help\n$/);
  });

  it('is told what is missing: the data set, the model', async () => {
    expect(await run('--dataset', 'no/such/folder')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^error: no\/such\/folder is not a data set: .*\n$/) as string,
    });
    const dataset = join(folder, 'one');
    await writeScenes(dataset, [emptyScene()]);
    const { exitCode, stderr } = await run('--dataset', dataset, '--model', 'no/such.onnx');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('name an existing ONNX file, or one of the models embedded,');
  });
});

describe.skipIf(!hasShared('data/wider-val', 'models'))('a part of WIDER FACE', () => {
  it('gives what the published evaluation gives', async () => {
    const { levels } = await report(
      '--dataset',
      shared('data/wider-val'),
      '--model',
      shared('models', 'det_500m.onnx'),
      '--limit',
      '40',
      '--no-large-faces',
    );
    expect(levels.map(({ level }) => level)).toEqual(['easy', 'medium', 'hard']);
    // From a separate implementation in Python with OpenCV's decoder and resizing, on the same 40 photos.
    const reference = [0.967, 0.95, 0.625];
    for (const [index, { averagePrecision }] of levels.entries()) {
      expect(Math.abs(averagePrecision! - reference[index]!)).toBeLessThan(0.02);
    }
  });
});
