import { dirname } from 'node:path';
import { type Content, makeFolder, writeDurably } from '../files/durable-file.ts';

/** Puts a file into the models folder, whole or not at all. Whoever runs the service may read it. */
export async function installFile(path: string, content: Content): Promise<void> {
  await makeFolder(dirname(path), true, 0o755);
  await writeDurably(path, content, true, path, 0o644);
}
