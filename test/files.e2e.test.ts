import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encode, portrait } from './fixtures/portraits.ts';
import { spawnFaceApi, type CommandProcess } from './support/command-process.ts';
import { asBox, decode, grow, shareChanged } from './support/picture.ts';
import { startService, type Service, until } from './support/service.ts';

/** `face-api mask` and `detect` on folders of drawn people, as processes of their own. */

const scene = portrait({ width: 96, height: 128 });
/** Fast: the tests are about files, not about faces. */
const FAST = ['--recall', 'fast', '--no-large-faces'];
const ENVIRONMENT = { FACE_API_ORT_THREADS: '1' };

const ODD_NAMES = [
  'with spaces and 100%.jpg',
  'emoji \u{1F600}.jpg',
  'line\nbreak.jpg',
  `${'n'.repeat(251)}.jpg`,
  '\u202Eשלום-سلام.jpg',
  '-rf.jpg',
];

let photo: Buffer;
beforeAll(async () => {
  photo = await encode(scene, 'jpeg', { quality: 90 });
});

let folder: string;
let photos: string;
let masked: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'face-api-files-')));
  photos = join(folder, 'photos');
  masked = join(folder, 'masked');
  await mkdir(photos);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(name: string, content: Uint8Array = photo): Promise<string> {
  const path = join(photos, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

const run = (...args: string[]): CommandProcess => spawnFaceApi([...args, ...FAST], ENVIRONMENT);

async function finished(command: CommandProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const [code] = await command.ended;
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}

interface Line {
  readonly state: 'done' | 'failed';
  readonly source: string;
  readonly code?: string;
  readonly reason?: string;
  readonly output_sha256?: string;
  readonly face_count?: number;
}

async function reportLines(at: string): Promise<Line[]> {
  const text = await readFile(join(at, 'face-api-report.jsonl'), 'utf8').catch(() => '');
  const complete = text.split('\n').slice(0, -1);
  return complete.map((line) => JSON.parse(line) as Line);
}

/** Content digest of every file below the folder, by name, without the report. */
async function filesIn(at: string): Promise<Record<string, string>> {
  const entries = await readdir(at, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name !== 'face-api-report.jsonl');
  const named = files.map(async ({ parentPath, name }) => {
    const path = join(parentPath, name);
    return [path.slice(at.length + 1), digest(await readFile(path))] as const;
  });
  return Object.fromEntries(await Promise.all(named));
}

function digest(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Runs the command, kills it when that many files are in the report, twice; then runs it to its end. */
async function killedTwice(reportFolder: string, counts: readonly [number, number], ...args: string[]) {
  for (const count of counts) {
    const command = run(...args);
    await until(async () => (await reportLines(reportFolder)).length >= count, 60_000);
    command.child.kill('SIGKILL');
    expect(await command.ended).toEqual([null, 'SIGKILL']);
  }
  return finished(run(...args));
}

async function putArchive(count: number): Promise<{ good: string[]; broken: string[] }> {
  const good = [...ODD_NAMES, ...Array.from({ length: count - ODD_NAMES.length }, (_, at) => `${at % 7}/${at}.jpg`)];
  const broken = Array.from({ length: 5 }, (_, at) => `${at}/broken.jpg`);
  // Each is another file: bytes after the end of a JPEG are not decoded.
  for (const [at, name] of good.entries()) await put(name, Buffer.concat([photo, Buffer.from(`photo ${at}`)]));
  for (const [at, name] of broken.entries()) await put(name, photo.subarray(0, at * 300));
  await chmod(join(photos, ODD_NAMES[0]!), 0o444);
  await symlink('..', join(photos, '0/circle'));
  await put('notes.txt', Buffer.from('no image'));
  return { good, broken };
}

describe('face-api mask on a folder', () => {
  it('masks each photo once and names what failed, though killed twice', { timeout: 180_000 }, async () => {
    const { good, broken } = await putArchive(150);
    const before = await filesIn(photos);

    const { code, stdout, stderr } = await killedTwice(masked, [30, 90], 'mask', photos, '--out', masked);

    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^\d+ masked \(\d+ faces, \d+ uncertain\), \d+ done before, 1 skipped \(not images\), 5 failed\n$/,
    );
    expect(stderr).toContain('5 of 156 files failed');
    const results = await filesIn(masked);
    expect(Object.keys(results).sort()).toEqual(good.toSorted());
    const lines = await reportLines(masked);
    const done = lines.filter(({ state }) => state === 'done');
    expect(done.map(({ source }) => source).sort()).toEqual(good.toSorted());
    for (const { source, output_sha256 } of done) expect(output_sha256).toBe(results[source]);
    const failed = lines.filter(({ state }) => state === 'failed');
    expect(failed.map(({ source }) => source).sort()).toEqual(broken);
    for (const { code: problem, reason } of failed) {
      expect(problem).toMatch(/^(undecodable|unsupported)_image$/);
      expect(reason!.length).toBeGreaterThan(10);
    }
    expect(await filesIn(photos)).toEqual(before);
    const [original, result] = [await decode(photo), await decode(await readFile(join(masked, ODD_NAMES[2]!)))];
    expect(shareChanged(original, result, grow(asBox(scene.faces[0]!.box), -0.2))).toBeGreaterThan(0.9);

    const again = await finished(run('mask', photos, '--out', masked));
    expect(again.stdout).toMatch(/^0 masked .*, 150 done before, 1 skipped \(not images\), 5 failed\n$/);
    expect(await reportLines(masked)).toHaveLength(155);
  });

  it('replaces each photo once with --in-place, though killed twice', { timeout: 180_000 }, async () => {
    const names = Array.from({ length: 60 }, (_, at) => `${at % 3}/${at}.jpg`);
    for (const [at, name] of names.entries()) await put(name, Buffer.concat([photo, Buffer.from(`photo ${at}`)]));
    await chmod(join(photos, names[0]!), 0o640);
    expect((await finished(run('mask', photos, '--out', masked))).code).toBe(0);

    const { code, stdout } = await killedTwice(photos, [15, 35], 'mask', photos, '--in-place');

    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/0 skipped .*, 0 failed/) as string });
    // A photo that was masked twice would have been encoded twice.
    expect(await filesIn(photos)).toEqual(await filesIn(masked));
    expect(await reportLines(photos)).toHaveLength(60);
    expect((await stat(join(photos, names[0]!))).mode & 0o777).toBe(0o640);
    expect((await finished(run('mask', photos, '--in-place'))).stdout).toMatch(/^0 masked .* 60 done before/);
  });

  it('leaves read-only files and links as they are with --in-place, and says so', async () => {
    const target = await put('a.jpg');
    await chmod(target, 0o444);
    await writeFile(join(folder, 'elsewhere.jpg'), photo);
    await symlink('../elsewhere.jpg', join(photos, 'link.jpg'));
    const { code, stderr } = await finished(run('mask', photos, '--in-place'));
    expect(code).toBe(1);
    expect(stderr).toContain('a.jpg: The file is read-only');
    expect(stderr).toContain('link.jpg: This is a symbolic link');
    expect(digest(await readFile(target))).toBe(digest(photo));
    expect(digest(await readFile(join(folder, 'elsewhere.jpg')))).toBe(digest(photo));
    expect((await lstat(join(photos, 'link.jpg'))).isSymbolicLink()).toBe(true);
  });

  it('never writes over a source without --in-place', async () => {
    await put('a/b.jpg');
    await put('a/a/b.jpg');
    for (const [source, out] of [
      ['photos', 'photos'],
      ['photos/a', 'photos'],
      ['photos/a/b.jpg', 'photos/a'],
    ] as const) {
      const { code, stderr } = await finished(run('mask', join(folder, source), '--out', join(folder, out)));
      expect(code).toBe(2);
      expect(stderr).toContain('has the sources in it: name another folder');
    }
    await mkdir(masked);
    await symlink(photos, join(masked, 'a'));
    const { code, stderr } = await finished(run('mask', photos, '--out', masked));
    expect(code).toBe(1);
    expect(stderr).toContain('A symbolic link leads its result out of the folder');
    for (const name of ['a/b.jpg', 'a/a/b.jpg']) expect(digest(await readFile(join(photos, name)))).toBe(digest(photo));
  });

  it('adds the format to the name where it changes, and refuses where the name is taken', async () => {
    await put('a.jpg');
    await put('b.jpg');
    await put('b.jpg.png', await encode(scene, 'png'));
    const { code, stderr } = await finished(run('mask', photos, '--out', masked, '--format', 'png'));
    expect(code).toBe(1);
    expect(stderr).toContain('Its result would have the name of another file, b.jpg.png. Rename one of them');
    expect(Object.keys(await filesIn(masked)).sort()).toEqual(['a.jpg.png', 'b.jpg.png']);
  });

  it('does all again with other options or settings', async () => {
    await put('a.jpg');
    const args = ['mask', photos, '--out', masked, ...FAST];
    await finished(spawnFaceApi(args, ENVIRONMENT));
    const solid = await finished(spawnFaceApi([...args, '--method', 'solid'], ENVIRONMENT));
    expect(solid.stdout).toMatch(/^1 masked/);
    const lower = await finished(spawnFaceApi(args, { ...ENVIRONMENT, FACE_API_DEFAULT_THRESHOLD: '0.4' }));
    expect(lower.stdout).toMatch(/^1 masked/);
    expect((await finished(spawnFaceApi(args, ENVIRONMENT))).stdout).toMatch(/^0 masked .* 1 done before/);
  });

  it('goes on to its end after the reader of its output has gone', async () => {
    await put('a.jpg');
    const command = run('mask', photos, '--out', masked);
    command.child.stdout!.destroy();
    command.child.stderr!.destroy();
    expect(await command.ended).toEqual([0, null]);
    expect(await reportLines(masked)).toHaveLength(1);
  });

  it('says where there is nothing to mask', async () => {
    await put('notes.txt', Buffer.from('no image'));
    const { code, stderr } = await finished(run('mask', photos, '--out', masked));
    expect(code).toBe(1);
    expect(stderr).toContain('there are no images to process');
  });
});

describe('face-api detect', () => {
  it('writes what it finds next to the tree, as the API returns it', async () => {
    await put('a/b.jpg');
    const { code, stdout } = await finished(run('detect', join(photos, '**/*.jpg'), '--out', masked));
    expect({ code, stdout: stdout.slice(0, 10) }).toEqual({ code: 0, stdout: '1 searched' });
    const body = JSON.parse(await readFile(join(masked, 'a/b.jpg.json'), 'utf8')) as { face_count: number };
    expect(body).toMatchObject({ face_count: 1, image: { width: 96, height: 128 } });
  });
});

describe('face-api mask --watch', () => {
  it('masks what is there and what arrives, once it is complete, until it is interrupted', async () => {
    await put('before.jpg');
    const command = run('mask', '--watch', photos, '--out', masked);
    const isMasked = (name: string) => async () => Object.keys(await filesIn(masked).catch(() => ({}))).includes(name);
    await until(isMasked('before.jpg'), 60_000);

    await writeFile(join(folder, 'moved.jpg'), photo);
    await rename(join(folder, 'moved.jpg'), join(photos, 'moved.jpg'));
    const slow = await open(join(photos, 'slow.jpg'), 'w');
    await slow.write(photo.subarray(0, 1000));
    await until(isMasked('moved.jpg'), 60_000);
    await slow.write(photo.subarray(1000));
    await slow.close();
    await until(isMasked('slow.jpg'), 60_000);

    command.child.kill('SIGINT');
    const { stdout } = await finished(command);
    expect(stdout).toMatch(/^3 masked/);
    const whole = digest(await readFile(join(masked, 'before.jpg')));
    expect(await filesIn(masked)).toEqual({ 'before.jpg': whole, 'moved.jpg': whole, 'slow.jpg': whole });
  });
});

describe('face-api with --server', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService({ FACE_API_API_KEYS: 'folder:a-key-for-the-folder' });
  });
  afterAll(() => service.close());

  const onServer = (url: string, ...args: string[]) =>
    run('mask', photos, '--out', masked, '--server', url, '--api-key', 'a-key-for-the-folder', ...args);

  it('gives what the command gives by itself', async () => {
    await put('a.jpg');
    await put('b/broken.jpg', photo.subarray(0, 500));
    const remote = await finished(onServer(service.url, '--padding', '0.3'));
    expect(remote.code).toBe(1);
    expect(remote.stdout).toMatch(/^1 masked \(1 faces, .* 1 failed/);
    const results = await filesIn(masked);
    await rm(masked, { recursive: true });
    await finished(run('mask', photos, '--out', masked, '--padding', '0.3'));
    expect(results).toEqual(await filesIn(masked));
  });

  it('waits as long as a busy service asks for, and then goes on', async () => {
    await put('a.jpg');
    const askedAt: number[] = [];
    const busyTwice = createServer((request, response) => {
      askedAt.push(performance.now());
      if (askedAt.length > 2) return void forward(request, response);
      request.resume();
      return void response.writeHead(503, { 'retry-after': '1' }).end();
    });
    await once(busyTwice.listen(0, '127.0.0.1'), 'listening');
    const { port } = busyTwice.address() as AddressInfo;
    expect((await finished(onServer(`http://127.0.0.1:${port}`))).code).toBe(0);
    busyTwice.close();
    expect(Object.keys(await filesIn(masked))).toEqual(['a.jpg']);
    expect(askedAt[1]! - askedAt[0]!).toBeGreaterThanOrEqual(1000);
    expect(askedAt[2]! - askedAt[1]!).toBeGreaterThanOrEqual(1000);
  });

  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const headers = { 'content-type': request.headers['content-type']!, accept: 'application/json' };
    const answer = await fetch(service.url + request.url!, {
      method: 'POST',
      headers: { ...headers, 'x-api-key': request.headers['x-api-key'] as string },
      body: await buffer(request),
    });
    response.writeHead(answer.status).end(await answer.text());
  }

  it('ends where every file would fail, without a line for each', async () => {
    await put('a.jpg');
    await put('b.jpg');
    const { code, stderr } = await finished(run('mask', photos, '--out', masked, '--server', service.url));
    expect(code).toBe(1);
    expect(stderr).toMatch(/error: .*X-API-Key/);
    expect(await reportLines(masked)).toEqual([]);
  });
});
