import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { reasonOf } from '../errors/reason.ts';
import { ifPresent } from '../files/durable-file.ts';
import { ModelError } from './model-error.ts';

/** Names of models. They are also file names on every system, and never paths. */
export const modelNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

const modelName = z.string().regex(modelNamePattern, 'takes letters, digits, ".", "_" and "-"');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'takes 64 lower-case hexadecimal digits');
const bytes = z.int().positive();

const archiveSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  bytes,
  sha256,
  /** The model's path inside the zip. Absent: the file is the model itself. */
  member: z.string().min(1).optional(),
});

const modelSchema = z.strictObject({
  name: modelName,
  /** Other names of the model */
  aliases: z.array(modelName),
  /** Name of its file in the models folder */
  file: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\.onnx$/, 'takes a file name that ends in .onnx'),
  bytes,
  sha256,
  license: z.string().min(1),
  /** The license in one line, as `list` prints it. */
  terms: z.string().min(1),
  mustAcceptLicense: z.boolean(),
  /** Downloads; the first that exists is used. Empty: the model is included in the service. */
  archives: z.array(archiveSchema),
});

const manifestSchema = z
  .strictObject({ default: modelName, models: z.array(modelSchema).min(1) })
  .superRefine(({ default: defaultName, models }, context) => {
    const names = models.flatMap((model) => [model.name, ...model.aliases]);
    for (const twice of repeated([...names, ...models.map((model) => model.file)])) {
      context.addIssue({ code: 'custom', path: ['models'], message: `"${twice}" is used twice` });
    }
    if (!models.some((model) => model.name === defaultName)) {
      context.addIssue({ code: 'custom', path: ['default'], message: `"${defaultName}" is not one of the models` });
    }
  });

/** A zip with a model, or the file of a model: URL, length in bytes, SHA-256, and path of the model in the zip. */
export type ArchiveSource = z.infer<typeof archiveSchema>;
/** A supported model: its file and the file's digest, its license, and the archives that contain it. */
export type ModelEntry = z.infer<typeof modelSchema>;
/** The supported models, and the name of the default one. */
export type Manifest = z.infer<typeof manifestSchema>;

/** Reads and validates `manifest.json` in the folder. The message of a ModelError names the mistakes. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, 'manifest.json');
  const text = await ifPresent(readFile(path, 'utf8'));
  if (text === undefined) throw new ModelError(`${path} is missing: restore it from the service's repository`);
  const parsed = manifestSchema.safeParse(parseJson(text, path));
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'it'}: ${issue.message}`);
  throw new ModelError(`${path} is wrong, correct or restore it: ${issues.join('; ')}`);
}

/** The model of that name or alias, or undefined. */
export function findModel(manifest: Manifest, name: string): ModelEntry | undefined {
  return manifest.models.find((model) => model.name === name || model.aliases.includes(name));
}

/** True for a model that is included in the service */
export function isBundled(model: ModelEntry): boolean {
  return model.archives.length === 0;
}

/** File name of the archive, also in a mirror */
export function archiveFileName(archive: ArchiveSource): string {
  return new URL(archive.url).pathname.split('/').at(-1)!;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ModelError(`${path} is not valid JSON, correct or restore it: ${reasonOf(error)}`);
  }
}

function repeated(names: string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) !== index);
}
