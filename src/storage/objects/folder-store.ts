import { access, constants, opendir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { ifPresent, makeFolder, writeDurably } from '../../files/durable-file.ts';
import type { AssetUrls } from './asset-urls.ts';
import { assertKey } from './object-keys.ts';
import { ObjectStore, type StoredObject } from './object-store.ts';

const UNFINISHED_FOLDER = 'unfinished';

/** Objects as files in a folder, read through URLs that the service itself signs and serves. */
export class FolderStore extends ObjectStore {
  readonly place: string;
  readonly publicOrigin = null;
  readonly #root: string;
  readonly #urls: AssetUrls;

  private constructor(root: string, urls: AssetUrls) {
    super();
    this.#root = root;
    this.#urls = urls;
    this.place = `the folder ${root}`;
  }

  static async open(folder: string, urls: AssetUrls): Promise<FolderStore> {
    const root = resolve(folder);
    await makeFolder(root, true);
    return new FolderStore(root, urls);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const path = this.#pathOf(key);
    const unfinished = this.#unfinishedPathOf(key);
    for (const folder of [dirname(path), dirname(unfinished)]) await makeFolder(folder, true);
    await writeDurably(path, [bytes], true, { unfinished });
  }

  async get(key: string): Promise<Uint8Array | null> {
    return (await ifPresent(readFile(this.#pathOf(key)))) ?? null;
  }

  async find(key: string): Promise<StoredObject | null> {
    const file = await ifPresent(stat(this.#pathOf(key)));
    return file?.isFile() === true ? { key, bytes: file.size, modifiedAt: file.mtime } : null;
  }

  async holds(key: string): Promise<boolean> {
    return (await this.find(key)) !== null || (await this.#unfinishedOf(key)).length > 0;
  }

  async delete(key: string): Promise<void> {
    for (const path of [this.#pathOf(key), ...(await this.#unfinishedOf(key))]) await rm(path, { force: true });
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    const folder = join(this.#root, prefix);
    for await (const path of filesBelow(folder)) {
      const key = relative(this.#root, path).split(sep).join('/');
      // Another process may have deleted the file since it was listed.
      const found = await this.find(key);
      if (found) yield found;
    }
  }

  temporaryUrl(key: string, seconds: number): Promise<string> {
    assertKey(key);
    return Promise.resolve(this.#urls.sign(key, seconds));
  }

  async check(): Promise<void> {
    await access(this.#root, constants.R_OK | constants.W_OK);
  }

  async close(): Promise<void> {
    // Nothing is open between two calls.
  }

  /** All in one folder, which is nearly always empty: files of a killed process are found without a search. */
  #unfinishedPathOf(key: string): string {
    const [kind, ...rest] = key.split('/');
    return this.#pathOf([kind, UNFINISHED_FOLDER, rest.join('_')].join('/'));
  }

  async #unfinishedOf(key: string): Promise<string[]> {
    const start = this.#unfinishedPathOf(key);
    const folder = dirname(start);
    const names = (await ifPresent(readdir(folder))) ?? [];
    return names.map((name) => join(folder, name)).filter((path) => path.startsWith(`${start}.`));
  }

  /** @throws Error if it is not a key, so that no path leaves the folder */
  #pathOf(key: string): string {
    assertKey(key);
    const path = join(this.#root, key);
    if (!path.startsWith(this.#root + sep)) throw new Error('the key points outside the folder');
    return path;
  }
}

async function* filesBelow(folder: string): AsyncIterable<string> {
  const entries = await ifPresent(opendir(folder));
  if (!entries) return;
  for await (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}
