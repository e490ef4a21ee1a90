import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { reasonOf } from '../errors/reason.ts';
import { addModel } from './add-model.ts';
import { downloadModel } from './download.ts';
import { findModel, isBundled, readManifest } from './manifest.ts';
import { ModelError } from './model-error.ts';
import { downloadCommand, type ListedModel, listModels, packageModelsFolder } from './model-files.ts';

const help = `Usage: npm run models -- COMMAND [options]

  list              the supported models and your own: installed or not, size, licence, terms
  download NAME     install a supported model
  add FILE          install an ONNX file of your own
  verify            check the digests of all installed files

  --accept-license         (download) accept the model's licence
  --from URL-or-folder     (download) take the archive from a mirror
  --models-folder FOLDER   where models are kept (default: the service's models/)
  --help                   this text

HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured. An interrupted download continues when it is run again.
Exit code: 0 done, 1 failed, 2 the command was wrong or a licence is not accepted.
`;

/** Where the answers, and the progress and errors, go. */
export type CliOutput = { stdout: Writable; stderr: Writable };

/** Wrongly called: exit code 2, and the message says how to call it. */
class UsageError extends Error {}

type Context = CliOutput & {
  modelsFolder: string;
  packageFolder: string;
  acceptLicense: boolean;
  from: string | undefined;
  signal: AbortSignal | undefined;
};

/** Runs one command and returns the exit code. Errors are one line on stderr, never a stack trace. */
export async function runCli(
  args: string[],
  output: CliOutput,
  packageFolder: string = packageModelsFolder,
  signal?: AbortSignal,
): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    if (values.help === true) {
      output.stdout.write(help);
      return 0;
    }
    return await runCommand(positionals, {
      ...output,
      packageFolder,
      modelsFolder: resolve(values['models-folder'] ?? packageFolder),
      acceptLicense: values['accept-license'] === true,
      from: values.from,
      signal,
    });
  } catch (error) {
    output.stderr.write(`${reasonOf(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function runCommand([command, operand, ...rest]: string[], context: Context): Promise<number> {
  const takesOperand = command === 'download' || command === 'add';
  if (rest.length > 0 || (operand !== undefined && !takesOperand)) throw usage(`too many arguments for ${command!}`);
  if (takesOperand && operand === undefined) throw usage(`${command} wants a ${command === 'add' ? 'FILE' : 'NAME'}`);
  switch (command) {
    case 'list':
      return list(context);
    case 'download':
      return download(operand!, context);
    case 'add':
      return add(operand!, context);
    case 'verify':
      return verify(context);
    default:
      throw usage(command === undefined ? 'which command?' : `unknown command "${command}"`);
  }
}

async function list({ stdout, modelsFolder, packageFolder }: Context): Promise<number> {
  const models = await listModels(modelsFolder, packageFolder);
  const rows = models.map((model) => [
    model.isDefault ? `${model.name} (default)` : model.name,
    installedColumn(model),
    megabytes(model.bytes),
    model.license,
    model.terms,
  ]);
  stdout.write(table([['NAME', 'INSTALLED', 'SIZE', 'LICENCE', 'TERMS'], ...rows]));
  return 0;
}

async function download(name: string, context: Context): Promise<number> {
  const { stdout, stderr, modelsFolder, from, signal } = context;
  const manifest = await readManifest(context.packageFolder);
  const model = findModel(manifest, name);
  if (model === undefined) {
    throw usage(`unknown model "${name}": it is none of ${manifest.models.map((known) => known.name).join(', ')}`);
  }
  if (isBundled(model)) {
    stdout.write(`${model.name} comes with the service: there is nothing to download\n`);
    return 0;
  }
  stdout.write(`${model.name}: ${model.license}. ${model.terms}\n`);
  if (model.mustAcceptLicense && !context.acceptLicense) {
    // Not repeated: an address may hold a password.
    const mirror = from === undefined ? '' : ', with the same --from';
    throw new UsageError(`to accept this licence and download, type: ${downloadCommand(model, modelsFolder)}${mirror}`);
  }
  const bar = progressBar(stderr);
  const onProgress = (receivedBytes: number, totalBytes: number): void => {
    if (bar.isActive) bar.update(receivedBytes);
    else bar.start(totalBytes, receivedBytes);
  };
  const path = await downloadModel(model, { modelsFolder, from, signal, onProgress }).finally(() => {
    if (bar.isActive) bar.stop();
  });
  stdout.write(`installed and verified: ${path}\n${howToUse(model.name, path, context)}`);
  return 0;
}

async function add(file: string, context: Context): Promise<number> {
  const { name, path, sha256, known } = await addModel(file, context.modelsFolder, context.packageFolder);
  context.stdout.write(`added: ${path}\nSHA-256: ${sha256}\n`);
  if (known !== undefined) context.stdout.write(`${known.name}: ${known.license}. ${known.terms}\n`);
  context.stdout.write(howToUse(name, path, context));
  return 0;
}

async function verify({ stdout, stderr, modelsFolder, packageFolder }: Context): Promise<number> {
  let exitCode = 0;
  for (const model of await listModels(modelsFolder, packageFolder)) {
    if (model.state === 'installed') stdout.write(`${model.name}: ok\n`);
    if (model.state === 'unrecorded') {
      stdout.write(`${model.name}: there, but no digest is recorded; \`add\` records one\n`);
    }
    if (model.state === 'damaged' || (model.state === 'absent' && model.isDefault)) {
      stderr.write(`${model.name}: ${model.state}, ${model.path}: ${model.repair}\n`);
      exitCode = 1;
    }
  }
  return exitCode;
}

function parse(args: string[]): ReturnType<typeof parseOptions> {
  try {
    return parseOptions(args);
  } catch (error) {
    throw usage(reasonOf(error));
  }
}

function parseOptions(args: string[]) {
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      'accept-license': { type: 'boolean' },
      from: { type: 'string' },
      'models-folder': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}

function usage(problem: string): UsageError {
  return new UsageError(`${problem}; type: npm run models -- --help`);
}

function installedColumn({ state }: ListedModel): string {
  if (state === 'absent') return 'no';
  return state === 'damaged' ? 'damaged' : 'yes';
}

/** By name where the service looks for it anyway, by path elsewhere. */
function howToUse(name: string, path: string, { modelsFolder, packageFolder }: Context): string {
  return `use it: FACE_API_MODEL=${modelsFolder === packageFolder ? name : path}\n`;
}

/** A bar on a terminal; elsewhere, such as in a log, a line every five seconds. */
function progressBar(stream: Writable): SingleBar {
  return new SingleBar({
    stream,
    format: '{bar} {percentage}%, {value} of {total}, {eta_formatted} left',
    formatValue: (value, _options, type) => (type === 'value' || type === 'total' ? megabytes(value) : String(value)),
    noTTYOutput: true,
    notTTYSchedule: 5000,
  });
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

if (import.meta.main) {
  const interruption = new AbortController();
  process.once('SIGINT', () => {
    interruption.abort(new ModelError('interrupted: the same command continues where this one stopped'));
  });
  process.exitCode = await runCli(process.argv.slice(2), process, packageModelsFolder, interruption.signal);
}
