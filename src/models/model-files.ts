import { readdir, readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Configuration } from '../config/configuration.ts';
import { ABSENT, ifPresent } from '../files/durable-file.ts';
import { type Digest, digestFile } from './digest.ts';
import type { SecondModel } from './loaded-model.ts';
import { findModel, isBundled, type Manifest, type ModelEntry, modelNamePattern, readManifest } from './manifest.ts';
import { ModelError } from './model-error.ts';

/**
 * models/ of the repository, with the manifest, the bundled model and, by default, the downloaded ones.
 * The same path from src/models/ and from dist/models/.
 */
export const packageModelsFolder = fileURLToPath(new URL('../../models', import.meta.url));

/** An existing model file; if its digest is known, it has been checked. */
export type ResolvedModel = {
  /** The name in the manifest, or the name of the operator's own file without `.onnx`. */
  name: string;
  /** Absolute. */
  path: string;
  sha256: string;
  /** From the manifest, by the digest of the file; "unknown" if it is not in the manifest. */
  license: string;
  /** Origin of the file: the service, a URL, or the operator. */
  source: string;
  bytes: number;
};

/** A model of the manifest or the models folder, with the state of its file. */
export type ListedModel = {
  name: string;
  path: string;
  /** `unrecorded`: the file exists, but no digest is recorded for it. */
  state: 'installed' | 'unrecorded' | 'damaged' | 'absent';
  bytes: number;
  license: string;
  terms: string;
  isDefault: boolean;
  /** What to do if the file is damaged or absent */
  repair: string;
};

/** Expected path and digest of a model file, and what to do if it does not match */
type ModelFile = { name: string; path: string; sha256: string | undefined; repair: string };

const unknownLicense = 'unknown';

/**
 * Finds the file to load. A name (or alias) is looked up in the manifest, then as `NAME.onnx` in the models folder. A text
 * that contains a slash or ends in `.onnx` is a path, relative to the working directory.
 *
 * @throws ModelError if the file is absent or has a wrong digest; the message names the command that helps
 */
export async function resolveModel(
  nameOrPath: string,
  modelsFolder: string = packageModelsFolder,
  packageFolder: string = packageModelsFolder,
): Promise<ResolvedModel> {
  const manifest = await readManifest(packageFolder);
  const file = isPath(nameOrPath)
    ? fileAt(nameOrPath, manifest)
    : await fileNamed(nameOrPath, manifest, modelsFolder, packageFolder);
  const found = await digestIfPresent(file.path);
  if (found === undefined) throw new ModelError(`the model file ${file.path} does not exist: ${file.repair}`);
  if (file.sha256 !== undefined && found.sha256 !== file.sha256) {
    throw new ModelError(
      `${file.path} is damaged or a different model: its SHA-256 is ${found.sha256} instead of ${file.sha256}; ${file.repair}`,
    );
  }
  return { name: file.name, path: file.path, ...found, ...originOf(manifest, found.sha256) };
}

/** @throws ModelError as resolveModel */
export function configuredModel({ inference }: Configuration): Promise<ResolvedModel> {
  return resolveModel(inference.model, inference.modelsFolder || packageModelsFolder);
}

/** @throws ModelError as resolveModel */
export async function configuredSecondModel({ inference }: Configuration): Promise<SecondModel> {
  if (!inference.secondModel) return { model: null };
  return { model: await resolveModel(inference.secondModel, inference.modelsFolder || packageModelsFolder) };
}

/** All models of the manifest, then the operator's own in the models folder. Existing files are read and checked. */
export async function listModels(
  modelsFolder: string = packageModelsFolder,
  packageFolder: string = packageModelsFolder,
): Promise<ListedModel[]> {
  const manifest = await readManifest(packageFolder);
  const listed: ListedModel[] = [];
  for (const model of manifest.models) {
    const file = fileOf(model, modelsFolder, packageFolder);
    const found = await digestIfPresent(file.path);
    const { bytes, license, terms } = model;
    const isDefault = model.name === manifest.default;
    listed.push({ ...file, state: stateOf(file, found), bytes, license, terms, isDefault });
  }
  for (const name of await ownModelNames(manifest, modelsFolder)) {
    const file = await ownFile(name, modelsFolder);
    const found = await digestIfPresent(file.path);
    const license = licenseOf(manifest, found?.sha256);
    const terms = 'Your own file: see the terms it came with.';
    listed.push({ ...file, state: stateOf(file, found), bytes: found?.bytes ?? 0, license, terms, isDefault: false });
  }
  return listed;
}

/** Path of the file with the SHA-256 of an added model, in the format of `sha256sum`. */
export function recordedDigestPath(modelPath: string): string {
  return `${modelPath}.sha256`;
}

/** The command that installs the model and accepts its license */
export function downloadCommand(model: ModelEntry, modelsFolder: string): string {
  const accept = model.mustAcceptLicense ? ' --accept-license' : '';
  const quoted = /[^\w./:\\-]/.test(modelsFolder) ? `"${modelsFolder}"` : modelsFolder;
  const folder = resolve(modelsFolder) === packageModelsFolder ? '' : ` --models-folder ${quoted}`;
  return `face-api models download ${model.name}${accept}${folder}`;
}

function isPath(nameOrPath: string): boolean {
  return /[/\\]/.test(nameOrPath) || nameOrPath.endsWith('.onnx');
}

function fileAt(path: string, manifest: Manifest): ModelFile {
  return {
    name: basename(path, '.onnx'),
    path: resolve(path),
    sha256: undefined,
    repair: `name an existing ONNX file, or one of the models ${namesIn(manifest)}`,
  };
}

async function fileNamed(
  name: string,
  manifest: Manifest,
  modelsFolder: string,
  packageFolder: string,
): Promise<ModelFile> {
  const model = findModel(manifest, name);
  if (model !== undefined) return fileOf(model, modelsFolder, packageFolder);
  if (modelNamePattern.test(name)) return ownFile(name, modelsFolder, namesIn(manifest));
  throw new ModelError(`"${name}" is not a known model: use one of ${namesIn(manifest)}, or the path of an ONNX file`);
}

function fileOf(model: ModelEntry, modelsFolder: string, packageFolder: string): ModelFile {
  const path = resolve(isBundled(model) ? packageFolder : modelsFolder, model.file);
  const repair = isBundled(model)
    ? `it is included in the service, restore it with \`git checkout -- models/${model.file}\` or from the image`
    : `install it with \`${downloadCommand(model, modelsFolder)}\``;
  return { name: model.name, path, sha256: model.sha256, repair };
}

async function ownFile(name: string, modelsFolder: string, knownNames?: string): Promise<ModelFile> {
  const path = resolve(modelsFolder, `${name}.onnx`);
  const otherNames = knownNames === undefined ? '' : `, or use one of ${knownNames}`;
  const repair = `remove its files and add it again with \`face-api models add FILE\`${otherNames}`;
  return { name, path, sha256: await recordedDigest(path), repair };
}

async function ownModelNames(manifest: Manifest, modelsFolder: string): Promise<string[]> {
  const files = (await ifPresent(readdir(modelsFolder))) ?? [];
  return files
    .filter((file) => file.endsWith('.onnx') && !manifest.models.some((model) => model.file === file))
    .map((file) => basename(file, '.onnx'))
    .filter((name) => modelNamePattern.test(name) && findModel(manifest, name) === undefined)
    .sort();
}

async function recordedDigest(modelPath: string): Promise<string | undefined> {
  const record = await ifPresent(readFile(recordedDigestPath(modelPath), 'utf8'));
  return record?.trim().split(/\s/)[0];
}

function stateOf(file: ModelFile, found: Digest | undefined): ListedModel['state'] {
  if (found === undefined) return 'absent';
  if (file.sha256 === undefined) return 'unrecorded';
  return found.sha256 === file.sha256 ? 'installed' : 'damaged';
}

function originOf(manifest: Manifest, sha256: string): { license: string; source: string } {
  const model = manifest.models.find((known) => known.sha256 === sha256);
  if (!model) return { license: unknownLicense, source: 'your own file' };
  return { license: model.license, source: model.archives[0]?.url ?? 'included in the service' };
}

function licenseOf(manifest: Manifest, sha256: string | undefined): string {
  return manifest.models.find((model) => model.sha256 === sha256)?.license ?? unknownLicense;
}

function namesIn(manifest: Manifest): string {
  return manifest.models.map((model) => model.name).join(', ');
}

async function digestIfPresent(path: string): Promise<Digest | undefined> {
  return ifPresent(digestFile(path), [...ABSENT, 'EISDIR']);
}
