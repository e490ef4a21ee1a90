import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DatasetError, parseJsonLines, parseWiderText, readDataset } from './dataset.ts';

async function folderOf(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'face-api-dataset-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

const line = (image: string, more: object = {}) => `${JSON.stringify({ image, boxes: [[1, 2, 3, 4]], ...more })}\n`;

describe('JSON lines', () => {
  it('gives boxes as edges, and the faces that count at each difficulty', () => {
    const boxes = [
      [1, 2, 30, 40],
      [5.5, 6, 7, 8],
    ];
    const text = line('a.jpg', { event: 'a walk', boxes, easy: [], medium: [0], hard: [0, 1] });
    expect(parseJsonLines(text)).toEqual({
      levels: ['easy', 'medium', 'hard'],
      photos: [
        {
          path: 'a.jpg',
          boxes: [
            { left: 1, top: 2, right: 31, bottom: 42 },
            { left: 5.5, top: 6, right: 12.5, bottom: 14 },
          ],
          counted: [new Set(), new Set([0]), new Set([0, 1])],
        },
      ],
    });
  });

  it('has one level where no difficulties are named, and skips empty lines', () => {
    const { levels, photos } = parseJsonLines(`${line('a.jpg')}\n${line('b.jpg', { boxes: [] })}\n`);
    expect(levels).toEqual(['all']);
    expect(photos.map(({ counted }) => counted)).toEqual([[new Set([0])], [new Set()]]);
  });

  it.each([
    ['line 1 is not JSON', '{"image": "a.jpg", '],
    ['line 2: boxes.0', line('a.jpg') + line('b.jpg', { boxes: [[1, 2, 3]] })],
    ['line 1: boxes.0.2', line('a.jpg', { boxes: [[1, 2, -3, 4]] })],
    ['line 1: image', '{"boxes": []}'],
    ['line 1: the line', '[]'],
    ['line 1: "hard" names box 1 of 1', line('a.jpg', { easy: [], medium: [], hard: [1] })],
    ['line 2 has no "easy"', line('a.jpg', { easy: [], medium: [], hard: [] }) + line('b.jpg')],
  ])('refuses what is malformed: %s', (message, text) => {
    expect(() => parseJsonLines(text)).toThrow(DatasetError);
    expect(() => parseJsonLines(text)).toThrow(message);
  });
});

describe('the labels of WIDER FACE', () => {
  const text = [
    '0--Parade/0_Parade_1.jpg',
    '3',
    '449 330 122 149 0 0 0 0 0 0 ',
    '10 20 30 40 0 0 0 1 0 0 ',
    '10 20 0 40 0 0 0 0 0 0 ',
    '1--Handshaking/none.jpg',
    '0',
    '0 0 0 0 0 0 0 0 0 0 ',
    '1--Handshaking/one.jpg',
    '1',
    '1 2 3 4 2 0 0 0 2 1 ',
    '',
  ].join('\n');

  it('counts every face that is valid and has an area', () => {
    const { levels, photos } = parseWiderText(text);
    expect(levels).toEqual(['all']);
    expect(photos.map(({ path, counted }) => [path, counted])).toEqual([
      ['0--Parade/0_Parade_1.jpg', [new Set([0])]],
      ['1--Handshaking/none.jpg', [new Set()]],
      ['1--Handshaking/one.jpg', [new Set([0])]],
    ]);
    expect(photos[0]!.boxes[0]).toEqual({ left: 449, top: 330, right: 571, bottom: 479 });
  });

  it('takes the line ends of Windows, and a photo without faces that has no row', () => {
    expect(parseWiderText(text.replaceAll('\n', '\r\n'))).toEqual(parseWiderText(text));
    expect(parseWiderText('a/b.jpg\n0\na/c.jpg\n0\n').photos).toHaveLength(2);
  });

  it.each([
    ["line 1 should be a photo's path", '449 330 122 149 0 0 0 0 0 0'],
    ['line 2 should be the number of faces in a/b.jpg, it is ""', 'a/b.jpg\n'],
    ['line 2 should be the number of faces', 'a/b.jpg\nmany\n'],
    ['line 4 should be a face, 10 whole numbers, it is ""', 'a/b.jpg\n2\n1 2 3 4 0 0 0 0 0 0\n'],
    ['line 3 should be a face', 'a/b.jpg\n1\n1 2 3 4\n'],
  ])('refuses what is malformed: %s', (message, malformed) => {
    expect(() => parseWiderText(malformed)).toThrow(DatasetError);
    expect(() => parseWiderText(malformed)).toThrow(message);
  });
});

describe('a folder', () => {
  it('is read in either layout', async () => {
    const lines = await folderOf({ 'ground-truth.jsonl': line('a.jpg'), 'images/a.jpg': '' });
    expect((await readDataset(lines)).photos.map(({ path }) => path)).toEqual([join(lines, 'images/a.jpg')]);
    const wider = await folderOf({
      'wider_face_split/wider_face_val_bbx_gt.txt': '0--Parade/a.jpg\n0\n',
      'WIDER_val/images/0--Parade/a.jpg': '',
    });
    expect((await readDataset(wider)).photos.map(({ path }) => path)).toEqual([
      join(wider, 'WIDER_val/images/0--Parade/a.jpg'),
    ]);
  });

  it('is cut down evenly', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const folder = await folderOf({
      'ground-truth.jsonl': names.map((name) => line(name)).join(''),
      ...Object.fromEntries(names.map((name) => [`images/${name}`, ''])),
    });
    const chosen = async (limit: number) => (await readDataset(folder, limit)).photos.map(({ path }) => path.at(-1));
    expect(await chosen(2)).toEqual(['a', 'd']);
    expect(await chosen(4)).toEqual(['a', 'b', 'd', 'e']);
    expect(await chosen(9)).toEqual(names);
  });

  it('says what it should hold', async () => {
    const folder = await folderOf({ 'photos/a.jpg': '' });
    await expect(readDataset(folder)).rejects.toThrow(
      `${folder} is not a data set: expected ground-truth.jsonl with the photos in images/, or `,
    );
    await expect(readDataset(join(folder, 'photos/a.jpg'))).rejects.toThrow(DatasetError);
  });

  it('says which labels are wrong, list nothing, or lack their photos', async () => {
    const labels = 'ground-truth.jsonl';
    await expect(readDataset(await folderOf({ [labels]: 'x' }))).rejects.toThrow(`${labels}, line 1 is not JSON`);
    await expect(readDataset(await folderOf({ [labels]: '' }))).rejects.toThrow(`${labels} lists no photos`);
    const bare = await folderOf({ [labels]: line('a.jpg') + line('b.jpg'), 'images/a.jpg': '' });
    await expect(readDataset(bare)).rejects.toThrow(
      `1 of the photos that ${labels} lists cannot be read, the first is ${join(bare, 'images/b.jpg')}`,
    );
  });
});
