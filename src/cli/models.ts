import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { addModel } from '../models/add-model.ts';
import { downloadModel } from '../models/download.ts';
import { findModel, isBundled, readManifest } from '../models/manifest.ts';
import { downloadCommand, type ListedModel, listModels } from '../models/model-files.ts';
import { type CliContext, UsageError } from './context.ts';
import { progressBar } from './progress-bar.ts';

interface FolderOption {
  readonly modelsFolder: string;
}

interface DownloadOptions extends FolderOption {
  readonly acceptLicense?: boolean;
  readonly from?: string;
}

export function addModels(program: Command, context: CliContext): void {
  const models = program.command('models').description('list, install and verify models');
  models
    .command('list')
    .description('list models with state, size, license and terms')
    .addOption(folderOption(context))
    .action((options: FolderOption) => list(options, context));
  models
    .command('download')
    .description('install a supported model')
    .argument('<name>', 'name as shown by `models list`')
    .option('--accept-license', 'accept the license of the model')
    .option('--from <url-or-folder>', 'download the archive from a mirror')
    .addOption(folderOption(context))
    .addHelpText(
      'after',
      '\nHTTP_PROXY, HTTPS_PROXY and NO_PROXY are respected. Run the command again to continue an interrupted download.',
    )
    .action((name: string, options: DownloadOptions) => download(name, options, context));
  models
    .command('add')
    .description('install your own ONNX file')
    .argument('<file>')
    .addOption(folderOption(context))
    .action((file: string, options: FolderOption) => add(file, options, context));
  models
    .command('verify')
    .description('check the digests of all installed files')
    .addOption(folderOption(context))
    .action((options: FolderOption) => verify(options, context));
}

function folderOption({ packageFolder }: CliContext): Option {
  return new Option('--models-folder <folder>', 'folder of the models')
    .default(packageFolder, 'models/ of the service')
    .argParser((folder) => resolve(folder));
}

async function list({ modelsFolder }: FolderOption, { stdout, packageFolder }: CliContext): Promise<void> {
  const models = await listModels(modelsFolder, packageFolder);
  const rows = models.map((model) => [
    model.isDefault ? `${model.name} (default)` : model.name,
    installedColumn(model),
    megabytes(model.bytes),
    model.license,
    model.terms,
  ]);
  stdout.write(table([['NAME', 'INSTALLED', 'SIZE', 'LICENSE', 'TERMS'], ...rows]));
}

async function download(name: string, options: DownloadOptions, context: CliContext): Promise<void> {
  const { stdout, stderr } = context;
  const { modelsFolder, from } = options;
  const manifest = await readManifest(context.packageFolder);
  const model = findModel(manifest, name);
  if (model === undefined) {
    const known = manifest.models.map((entry) => entry.name).join(', ');
    throw new UsageError(`unknown model "${name}"; available: ${known}`);
  }
  if (isBundled(model)) {
    stdout.write(`${model.name} is included in the service: nothing to download\n`);
    return;
  }
  stdout.write(`${model.name}: ${model.license}. ${model.terms}\n`);
  if (model.mustAcceptLicense && options.acceptLicense !== true) {
    // The URL is not repeated: it may contain a password.
    const mirror = from === undefined ? '' : ', with the same --from';
    throw new UsageError('the license is not accepted', `${downloadCommand(model, modelsFolder)}${mirror}`);
  }
  const bar = progressBar(stderr, {
    format: '{bar} {percentage}%, {value} of {total}, {eta_formatted} left',
    formatValue: (value, _options, type) => (type === 'value' || type === 'total' ? megabytes(value) : String(value)),
  });
  const onProgress = (receivedBytes: number, totalBytes: number): void => {
    if (bar.isActive) bar.update(receivedBytes);
    else bar.start(totalBytes, receivedBytes);
  };
  const signal = context.interruption();
  const path = await downloadModel(model, { modelsFolder, from, signal, onProgress }).finally(() => {
    if (bar.isActive) bar.stop();
  });
  stdout.write(`installed and verified: ${path}\n${howToUse(model.name, path, options, context)}`);
}

async function add(file: string, options: FolderOption, context: CliContext): Promise<void> {
  const { stdout, packageFolder } = context;
  const { name, path, sha256, known } = await addModel(file, options.modelsFolder, packageFolder);
  stdout.write(`added: ${path}\nSHA-256: ${sha256}\n`);
  if (known !== undefined) stdout.write(`${known.name}: ${known.license}. ${known.terms}\n`);
  stdout.write(howToUse(name, path, options, context));
}

async function verify({ modelsFolder }: FolderOption, { stdout, stderr, packageFolder }: CliContext): Promise<void> {
  const models = await listModels(modelsFolder, packageFolder);
  for (const model of models) {
    if (model.state === 'installed') stdout.write(`${model.name}: ok\n`);
    if (model.state === 'unrecorded') {
      stdout.write(`${model.name}: present, but without a recorded digest; \`add\` records one\n`);
    }
  }
  const broken = models.filter(({ state, isDefault }) => state === 'damaged' || (state === 'absent' && isDefault));
  for (const { name, state, path, repair } of broken) stderr.write(`${name}: ${state}, ${path}: ${repair}\n`);
  if (broken.length > 0) throw new Error(`${broken.map(({ name }) => name).join(', ')} cannot be used`);
}

function installedColumn({ state }: ListedModel): string {
  if (state === 'absent') return 'no';
  return state === 'damaged' ? 'damaged' : 'yes';
}

/** By name in the folder of the service, by path elsewhere. */
function howToUse(name: string, path: string, { modelsFolder }: FolderOption, { packageFolder }: CliContext): string {
  return `to use it: FACE_API_MODEL=${modelsFolder === packageFolder ? name : path}\n`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
