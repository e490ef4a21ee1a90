import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSourceFile } from './source-file.ts';
import { locateSources } from './sources.ts';

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'face-api-sources-')));
});
afterEach(() => rm(folder, { recursive: true }));

async function make(...names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), name);
  }
}

/** Names of the sources, below the folder they share. */
async function found(paths: string[], out: string | null = null): Promise<{ root: string; names: string[] }> {
  const { root, find } = await locateSources(
    paths.map((path) => join(folder, path)),
    out === null ? null : join(folder, out),
  );
  const names: string[] = [];
  for await (const { name } of find()) names.push(name);
  return { root: root.slice(folder.length), names: names.sort() };
}

describe('sources', () => {
  it('are the files of a folder, with the tree below it', async () => {
    await make('p/a.jpg', 'p/b/c.jpg', 'p/b/d/e.txt');
    expect(await found(['p'])).toEqual({ root: '/p', names: ['a.jpg', 'b/c.jpg', 'b/d/e.txt'] });
  });

  it('have the names below the folder that all share, so that no two have the same', async () => {
    await make('p/a/x.jpg', 'p/b/x.jpg', 'p/b/c/x.jpg');
    expect(await found(['p/a', 'p/b/x.jpg'])).toEqual({ root: '/p', names: ['a/x.jpg', 'b/x.jpg'] });
    expect(await found(['p/a/x.jpg'])).toEqual({ root: '/p/a', names: ['x.jpg'] });
  });

  it('are what a pattern matches', async () => {
    await make('p/a.jpg', 'p/a.png', 'p/b/c.jpg', 'p/[1].jpg');
    expect(await found(['p/**/*.jpg'])).toEqual({ root: '/p', names: ['[1].jpg', 'a.jpg', 'b/c.jpg'] });
    expect((await found(['p/?.{jpg,png}'])).names).toEqual(['a.jpg', 'a.png']);
    expect((await found(['p/[1].jpg'])).names).toEqual(['[1].jpg']);
  });

  it('are not the results in a folder within', async () => {
    await make('p/a.jpg', 'p/out/a.jpg', 'p/outside.jpg');
    expect((await found(['p'], 'p/out')).names).toEqual(['a.jpg', 'outside.jpg']);
    expect((await found(['p/**/*.jpg'], 'p/out')).names).toEqual(['a.jpg', 'outside.jpg']);
  });

  it.each(['p', 'p/**'])('do not follow links to folders, which may lead in a circle: %s', async (path) => {
    await make('p/a.jpg', 'other/b.jpg');
    await symlink('.', join(folder, 'p/circle'));
    await symlink('../other', join(folder, 'p/other'));
    await symlink('../other/b.jpg', join(folder, 'p/link.jpg'));
    await symlink('self.jpg', join(folder, 'p/self.jpg'));
    expect((await found([path])).names).toEqual(['a.jpg', 'link.jpg', 'self.jpg']);
  });

  it('must exist', async () => {
    await expect(found(['nowhere.jpg'])).rejects.toThrow('nowhere.jpg does not exist');
    await expect(found(['nowhere/*.jpg'])).rejects.toThrow('nowhere does not exist');
  });
});

describe('the content of a source', () => {
  it('is not waited for in a named pipe', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.jpg')]);
    await expect(readSourceFile(join(folder, 'pipe.jpg'), 1000)).rejects.toThrow('not a regular file');
  });

  it('counts: a file that is no image by content and name is none', async () => {
    await make('notes.txt', 'notes.jpg');
    await writeFile(join(folder, 'photo'), Buffer.from('ffd8ffe0', 'hex'));
    expect(await readSourceFile(join(folder, 'notes.txt'), 1000)).toBeNull();
    expect((await readSourceFile(join(folder, 'notes.jpg'), 1000))?.bytes.length).toBe('notes.jpg'.length);
    expect((await readSourceFile(join(folder, 'photo'), 1000))?.bytes.length).toBe(4);
  });

  it('is not read beyond the limit', async () => {
    await make('a.jpg');
    await expect(readSourceFile(join(folder, 'a.jpg'), 4)).rejects.toThrow('FACE_API_MAX_UPLOAD_BYTES');
  });
});
