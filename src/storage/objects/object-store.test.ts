import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestBucket, s3Settings, type TestBucket } from '../../../test/fixtures/s3-server.ts';
import { AssetUrls } from './asset-urls.ts';
import { FolderStore } from './folder-store.ts';
import { originalKey, ownerOf, resultKey } from './object-keys.ts';
import type { ObjectStore } from './object-store.ts';
import { S3Store } from './s3-store.ts';

const PUTTER = fileURLToPath(new URL('../../../test/fixtures/folder-putter.ts', import.meta.url));
const SECRET = Buffer.alloc(32, 7);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const withFolder = () => mkdtemp(join(tmpdir(), 'face-api-objects-'));

interface Backend {
  readonly store: ObjectStore;
  close(): Promise<void>;
}

async function openFolder(): Promise<Backend> {
  const folder = await withFolder();
  const store = await FolderStore.open(folder, new AssetUrls(SECRET));
  return { store, close: () => rm(folder, { recursive: true }) };
}

async function openS3(): Promise<Backend> {
  const bucket: TestBucket = await openTestBucket();
  const store = new S3Store(bucket.settings);
  return {
    store,
    close: async () => {
      await store.close();
      await bucket.close();
    },
  };
}

describe.each([
  ['folder', openFolder],
  ['S3', openS3],
])('ObjectStore contract: %s', (_name, open) => {
  let backend: Backend;
  let store: ObjectStore;

  beforeAll(async () => {
    backend = await open();
    store = backend.store;
  });
  afterAll(() => backend.close());

  const newKey = () => originalKey(sha256(randomBytes(8)), 'jpeg');

  it('is usable', async () => {
    await expect(store.check()).resolves.toBeUndefined();
  });

  it.each([0, 1, 65_537, 6_000_000])('gives back %i bytes as they were put', async (length) => {
    const key = newKey();
    const bytes = randomBytes(length);
    await store.put(key, bytes, 'image/jpeg');
    const read = await store.get(key);
    expect(read && sha256(read)).toBe(sha256(bytes));
    expect(await store.find(key)).toMatchObject({ key, bytes: length });
  });

  it('dates an object by its last put', async () => {
    const key = newKey();
    await store.put(key, Buffer.from('x'), 'image/jpeg');
    const found = await store.find(key);
    // S3 tells whole seconds.
    expect(Math.abs(found!.modifiedAt.getTime() - Date.now())).toBeLessThan(60_000);
  });

  it('replaces an object that is put again', async () => {
    const key = newKey();
    await store.put(key, Buffer.from('first, and longer'), 'image/jpeg');
    await store.put(key, Buffer.from('second'), 'image/jpeg');
    expect(Buffer.from((await store.get(key))!).toString()).toBe('second');
  });

  it('puts the same object many times at once, and keeps it whole', async () => {
    const key = newKey();
    const bytes = randomBytes(200_000);
    await Promise.all(Array.from({ length: 8 }, () => store.put(key, bytes, 'image/jpeg')));
    expect(sha256((await store.get(key))!)).toBe(sha256(bytes));
  });

  it('says null of what is not there', async () => {
    expect(await store.get(newKey())).toBeNull();
    expect(await store.find(newKey())).toBeNull();
  });

  it('deletes, and does not mind deleting twice', async () => {
    const key = newKey();
    await store.put(key, Buffer.from('x'), 'image/jpeg');
    expect(await store.holds(key)).toBe(true);
    await store.delete(key);
    await store.delete(key);
    expect(await store.get(key)).toBeNull();
    expect(await store.holds(key)).toBe(false);
  });

  it('lists each object below a prefix once, and no other', async () => {
    const created = new Date('2001-02-03T04:05:06Z');
    const keys = Array.from({ length: 25 }, (_, at) =>
      resultKey(`00000000-0000-7000-8000-${String(at).padStart(12, '0')}`, created, 'png'),
    );
    for (const key of keys) await store.put(key, Buffer.from(key), 'image/png');
    const listed: string[] = [];
    for await (const { key, bytes } of store.list('results/2001/')) {
      listed.push(key);
      expect(bytes).toBe(key.length);
    }
    expect(listed.sort()).toEqual(keys.sort());
    for await (const { key } of store.list('results/1999/')) throw new Error(`${key} should not be there`);
  });

  it.each([
    '',
    '.',
    '..',
    '/etc/passwd',
    'originals/../../x.jpg',
    'originals/..',
    'originals//x.jpg',
    'originals/x.jpg/',
    'a\\..\\b',
    'a\0b',
    'originals/%2e%2e/x.jpg',
    'Ünïcode',
    `${'a/'.repeat(150)}a`,
  ])('refuses %j as a key', async (key) => {
    await expect(store.put(key, Buffer.from('x'), 'image/jpeg')).rejects.toThrow(/not the key/);
    await expect(store.get(key)).rejects.toThrow(/not the key/);
    await expect(store.find(key)).rejects.toThrow(/not the key/);
    await expect(store.delete(key)).rejects.toThrow(/not the key/);
    await expect((async () => store.temporaryUrl(key, 60))()).rejects.toThrow(/not the key/);
  });

  it('makes addresses that name the object and carry a signature', async () => {
    const key = newKey();
    const url = new URL(await store.temporaryUrl(key, 60), 'http://service');
    expect(url.pathname).toContain(key);
    expect(url.search).toMatch(/signature=/i);
  });
});

describe('S3Store', () => {
  it('makes addresses from which the object can be read, until they expire', async () => {
    const bucket = await openTestBucket();
    const store = new S3Store(bucket.settings);
    try {
      await store.put('originals/a.jpg', Buffer.from('pixels'), 'image/jpeg');
      const response = await fetch(await store.temporaryUrl('originals/a.jpg', 60));
      expect(response.headers.get('content-type')).toBe('image/jpeg');
      expect(await response.text()).toBe('pixels');
      const brief = await store.temporaryUrl('originals/a.jpg', 1);
      await new Promise((resolve) => setTimeout(resolve, 2100));
      expect((await fetch(brief)).status).toBe(403);
    } finally {
      await store.close();
      await bucket.close();
    }
  });

  it('signs addresses for the endpoint that browsers know, in either style', async () => {
    const keys = { accessKeyId: 'a', secretAccessKey: 'b', bucket: 'photos', endpoint: 'http://minio:9000' };
    const path = new S3Store(s3Settings({ ...keys, publicEndpoint: 'https://s3.example.com' }));
    expect(await path.temporaryUrl('a.jpg', 60)).toMatch(/^https:\/\/s3\.example\.com\/photos\/a\.jpg\?/);
    const host = new S3Store(s3Settings({ ...keys, publicEndpoint: 'https://s3.example.com', pathStyle: false }));
    expect(await host.temporaryUrl('a.jpg', 60)).toMatch(/^https:\/\/photos\.s3\.example\.com\/a\.jpg\?/);
  });

  it('says that the bucket is missing, and that the service is away', async () => {
    const bucket = await openTestBucket();
    const store = new S3Store({ ...bucket.settings, bucket: 'there-is-no-such-bucket' });
    await expect(store.check()).rejects.toThrow();
    await expect(store.put('a.jpg', Buffer.from('x'), 'image/jpeg')).rejects.toThrow();
    await expect(store.get('a.jpg')).rejects.toThrow();
    await store.close();
    await bucket.close();
    const away = new S3Store(s3Settings({ endpoint: 'http://127.0.0.1:9', accessKeyId: 'a', secretAccessKey: 'b' }));
    await expect(away.check()).rejects.toThrow();
  });
});

const unfinishedIn = async (folder: string) =>
  (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.tmp'));

describe('FolderStore', () => {
  it('leaves no unfinished file behind', async () => {
    const folder = await withFolder();
    const store = await FolderStore.open(folder, new AssetUrls(SECRET));
    await store.put('originals/aa/a.jpg', Buffer.from('x'));
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name)).toEqual(['a.jpg']);
    await rm(folder, { recursive: true });
  });

  it('shows, lists and deletes what a killed process left of a put', async () => {
    const folder = await withFolder();
    const killed = spawn(process.execPath, [PUTTER, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(killed.stdout, 'data');
    // In the middle of a put that goes on for long.
    await expect.poll(() => unfinishedIn(folder), { timeout: 20_000 }).toHaveLength(1);
    killed.kill('SIGKILL');
    await once(killed, 'close');
    const store = await FolderStore.open(folder, new AssetUrls(SECRET));
    const key = 'originals/aa/a.jpg';
    expect(await store.find(key)).toBeNull();
    expect(await store.holds(key)).toBe(true);
    expect(await store.holds('originals/aa/a.jp')).toBe(false);
    const listed: string[] = [];
    for await (const object of store.list('originals/')) listed.push(object.key);
    expect(listed).toHaveLength(1);
    expect(ownerOf(listed[0]!)).toBeNull();
    await store.delete(key);
    expect(await store.holds(key)).toBe(false);
    expect(await unfinishedIn(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  it('does not follow a link out of the folder when it lists', async () => {
    const folder = await withFolder();
    const outside = await withFolder();
    await writeFile(join(outside, 'secret.jpg'), 'secret');
    const store = await FolderStore.open(folder, new AssetUrls(SECRET));
    await mkdir(join(folder, 'originals'));
    await symlink(outside, join(folder, 'originals', 'link'));
    for await (const { key } of store.list('originals/')) throw new Error(`${key} should not be listed`);
    await rm(folder, { recursive: true });
    await rm(outside, { recursive: true });
  });
});

describe('AssetUrls', () => {
  const parse = (url: string) => new URL(url, 'http://service').searchParams;

  it('accepts what it signed, and nothing else', () => {
    let now = 1_000_000;
    const urls = new AssetUrls(SECRET, () => now);
    const query = parse(urls.sign('originals/a.jpg', 10));
    const [expires, signature] = [query.get('expires')!, query.get('signature')!];
    expect(urls.verify('originals/a.jpg', expires, signature)).toBe(true);
    expect(urls.verify('originals/b.jpg', expires, signature)).toBe(false);
    expect(urls.verify('originals/a.jpg', String(Number(expires) + 1), signature)).toBe(false);
    expect(urls.verify('originals/a.jpg', expires, signature.slice(1))).toBe(false);
    expect(urls.verify('originals/a.jpg', expires, '')).toBe(false);
    expect(new AssetUrls(Buffer.alloc(32, 8), () => now).verify('originals/a.jpg', expires, signature)).toBe(false);
    now += 10_000;
    expect(urls.verify('originals/a.jpg', expires, signature)).toBe(false);
  });

  it('keeps one secret in the data folder, whoever comes first', async () => {
    const folder = await withFolder();
    const opened = await Promise.all(Array.from({ length: 8 }, () => AssetUrls.open(folder)));
    const query = parse(opened[0]!.sign('a.jpg', 60));
    for (const urls of opened) {
      expect(urls.verify('a.jpg', query.get('expires')!, query.get('signature')!)).toBe(true);
    }
    expect(await readdir(folder)).toEqual(['asset-url.key']);
    await rm(folder, { recursive: true });
  });
});

describe('object keys', () => {
  it('name their owner', () => {
    const digest = sha256(Buffer.from('x'));
    const id = '0190a0a0-0000-7000-8000-000000000001';
    expect(ownerOf(originalKey(digest, 'webp'))).toEqual({ sha256: digest });
    expect(ownerOf(originalKey(digest, 'unknown'))).toEqual({ sha256: digest });
    expect(ownerOf(resultKey(id, new Date(), 'jpeg'))).toEqual({ jobId: id });
    expect(ownerOf('originals/readme.txt')).toBeNull();
  });
});
