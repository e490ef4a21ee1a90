import { dirname } from 'node:path';
import { type Content, makeFolder, writeDurably } from '../files/durable-file.ts';

/** Writes a file to the models folder, complete or not at all. Every user may read it, so that the service can. */
export async function installFile(path: string, content: Content): Promise<void> {
  await makeFolder(dirname(path), true, 0o755);
  await writeDurably(path, content, true, { mode: 0o644 });
}
