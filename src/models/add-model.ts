import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ifPresent } from '../files/durable-file.ts';
import { digestBytes, digestFile } from './digest.ts';
import { inspectModel } from './inspect-model.ts';
import { installFile } from './install-file.ts';
import { findModel, type Manifest, type ModelEntry, modelNamePattern, readManifest } from './manifest.ts';
import { ModelError } from './model-error.ts';
import { packageModelsFolder, recordedDigestPath } from './model-files.ts';

export type AddedModel = {
  /** Its name in the models folder */
  name: string;
  path: string;
  sha256: string;
  /** The manifest's entry with the same digest, whose license applies. */
  known: ModelEntry | undefined;
};

/**
 * Copies an ONNX file of the operator to the models folder. Its name is that of the file without `.onnx`. The file is read
 * once, so that the checked bytes are the installed ones.
 *
 * @throws ModelError if the service cannot use it as a detector, or if its name is taken
 */
export async function addModel(
  file: string,
  modelsFolder: string = packageModelsFolder,
  packageFolder: string = packageModelsFolder,
): Promise<AddedModel> {
  const content = await readModel(file);
  const { sha256 } = digestBytes(content);
  const manifest = await readManifest(packageFolder);
  const known = manifest.models.find((model) => model.sha256 === sha256);
  const name = basename(file, '.onnx');
  const path = join(modelsFolder, `${name}.onnx`);
  await requireFreeName(name, path, sha256, manifest);
  await inspectModel(content);
  // The digest of a supported model's file is in the manifest; that of any other file must be recorded.
  if (known?.file !== basename(path)) {
    await installFile(recordedDigestPath(path), [Buffer.from(`${sha256}  ${name}.onnx\n`)]);
  }
  await installFile(path, [content]);
  return { name, path, sha256, known };
}

async function readModel(file: string): Promise<Buffer> {
  const content = await ifPresent(readFile(file));
  if (content === undefined) throw new ModelError(`${file} does not exist`);
  return content;
}

async function requireFreeName(name: string, path: string, sha256: string, manifest: Manifest): Promise<void> {
  if (!modelNamePattern.test(name)) {
    throw new ModelError(
      `"${name}" is not a valid model name: rename the file, using letters, digits, ".", "_" and "-"`,
    );
  }
  const supported = findModel(manifest, name) ?? manifest.models.find((model) => model.file === basename(path));
  if (supported !== undefined && (supported.sha256 !== sha256 || supported.file !== basename(path))) {
    throw new ModelError(
      `"${name}" is the name of a supported model, and this is a different file: rename it and add it again`,
    );
  }
  const present = await ifPresent(digestFile(path));
  if (present !== undefined && present.sha256 !== sha256 && supported === undefined) {
    throw new ModelError(
      `${path} already exists with different content: remove it, or rename the new file and add it again`,
    );
  }
}
