import type { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { ConfigurationError, type Configuration, readConfiguration, readEnvironment } from '../config/configuration.ts';
import { reasonOf } from '../errors/reason.ts';
import { Eraser } from './maintenance/eraser.ts';
import { Pruner } from './maintenance/pruner.ts';
import { Reconciler } from './maintenance/reconciler.ts';
import { retentionLimit } from './maintenance/retention.ts';
import { openAssetUrls, openDatabase, openObjects, openSpool } from './open-storage.ts';
import type { StorageLog } from './storage-log.ts';

const help = `Usage: npm run storage -- COMMAND [options]

  reconcile         compare records, images and spool; repair what does not fit
  prune             delete what is older than FACE_API_RETENTION_DAYS, or than --days
  migrate           bring the database up to date, as the service does at its start
  erase ID          erase an image and all that was made of it; ID is the image's or one of its jobs'

  --dry-run         only say what would be done
  --days N          (prune) days to keep
  --help            this text

It uses the service's own settings (environment variables, .env), and may run while the service does.
Exit code: 0 done, 1 failed, 2 the command was wrong.
`;

/** Where the answers and the errors go. */
export type CliOutput = { stdout: Writable; stderr: Writable };

/** Wrongly called: exit code 2, and the message says how to call it. */
class UsageError extends Error {}

type Command =
  | { readonly name: 'reconcile' }
  | { readonly name: 'migrate' }
  | { readonly name: 'prune'; readonly days: number | undefined }
  | { readonly name: 'erase'; readonly id: string };

const ACTOR = 'command line';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Runs one command and returns the exit code. Errors are one line on stderr, never a stack trace. */
export async function runCli(
  args: string[],
  output: CliOutput,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    if (values.help === true) {
      output.stdout.write(help);
      return 0;
    }
    const command = toCommand(positionals, values.days);
    const configuration = readConfiguration(environment);
    if (command.name === 'migrate') {
      if (values['dry-run'] === true) throw usage('--dry-run is not for migrate');
      return await migrate(configuration, output);
    }
    return await runCommand(command, values['dry-run'] === true, configuration, output);
  } catch (error) {
    output.stderr.write(`${reasonOf(error)}\n`);
    return error instanceof UsageError || error instanceof ConfigurationError ? 2 : 1;
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { 'dry-run': { type: 'boolean' }, days: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    throw usage(reasonOf(error));
  }
}

function toCommand([name, operand, ...rest]: string[], days: string | undefined): Command {
  if (rest.length > 0 || (operand !== undefined && name !== 'erase')) throw usage(`too many arguments for ${name!}`);
  if (days !== undefined && (name !== 'prune' || !/^[1-9]\d{0,4}$/.test(days))) {
    throw usage('--days is for prune, and takes a whole number from 1');
  }
  switch (name) {
    case 'reconcile':
    case 'migrate':
      return { name };
    case 'prune':
      return { name, days: days === undefined ? undefined : Number(days) };
    case 'erase':
      if (operand === undefined || !UUID.test(operand)) throw usage('erase wants the ID of an image or of a job');
      return { name, id: operand.toLowerCase() };
    default:
      throw usage(name === undefined ? 'a command is missing' : `there is no command ${name}`);
  }
}

function usage(message: string): UsageError {
  return new UsageError(`${message}; see npm run storage -- --help`);
}

/** Of all storage it needs the database alone: before a new version starts, there may be nothing else yet. */
async function migrate(configuration: Configuration, { stdout, stderr }: CliOutput): Promise<number> {
  const database = openDatabase(configuration, warningsTo(stderr));
  try {
    await database.ready();
    stdout.write('the database is up to date\n');
    return 0;
  } finally {
    await database.close();
  }
}

/** Opens storage as the service does, and closes it whatever happens. */
async function runCommand(
  command: Exclude<Command, { name: 'migrate' }>,
  dryRun: boolean,
  configuration: Configuration,
  { stdout, stderr }: CliOutput,
): Promise<number> {
  const database = openDatabase(configuration, warningsTo(stderr));
  const objects = await openObjects(configuration, await openAssetUrls(configuration));
  try {
    const spool = await openSpool(configuration, noneGivenUp, (name, reason) => {
      stderr.write(`${name} in the spool is damaged and was put aside: ${reason}\n`);
    });
    switch (command.name) {
      case 'reconcile':
        return await reconcile(new Reconciler(database, objects, spool, leaveToService), dryRun, stdout);
      case 'prune':
        return await prune(
          new Pruner(database, objects, spool),
          command.days ?? configuration.storage.retentionDays,
          dryRun,
          stdout,
        );
      case 'erase':
        return await erase(new Eraser(database, objects, spool), command.id, dryRun, stdout);
    }
  } finally {
    await database.close();
    await objects.close();
  }
}

async function reconcile(reconciler: Reconciler, dryRun: boolean, stdout: Writable): Promise<number> {
  const found = await reconciler.reconcile(ACTOR, { dryRun });
  if (!found) {
    stdout.write('another instance is reconciling at this moment: nothing was done\n');
    return 0;
  }
  const { orphans, missing, stuck } = found;
  for (const key of orphans) stdout.write(`${dryRun ? 'would delete' : 'deleted'} ${key}: no record names it\n`);
  for (const key of missing) stdout.write(`${dryRun ? 'would mark' : 'marked'} ${key} as lost: a record names it\n`);
  for (const id of stuck) stdout.write(`the job ${id} has waited in the spool for over an hour: the log says why\n`);
  stdout.write(`${orphans.length} without a record, ${missing.length} lost, ${stuck.length} stuck\n`);
  return 0;
}

async function prune(pruner: Pruner, days: number, dryRun: boolean, stdout: Writable): Promise<number> {
  if (days === 0) throw usage('FACE_API_RETENTION_DAYS is 0, which keeps everything: say --days N');
  const { jobs, images, damaged } = await pruner.prune(retentionLimit(days), ACTOR, { dryRun });
  stdout.write(
    `${dryRun ? 'would delete' : 'deleted'} ${jobs} jobs, ${images} images and ${damaged} damaged files, older than ${days} days\n`,
  );
  return 0;
}

async function erase(eraser: Eraser, id: string, dryRun: boolean, stdout: Writable): Promise<number> {
  const erasure = await eraser.erase(id, ACTOR, { dryRun });
  if (!erasure) throw new Error(`there is no image, and no job, with the id ${id}`);
  const { jobs, objects, spooled } = erasure;
  stdout.write(
    `${dryRun ? 'would erase' : 'erased'} the image: ${jobs} jobs, ${objects} objects, ${spooled} files in the spool\n`,
  );
  return 0;
}

function warningsTo(stderr: Writable): StorageLog {
  const write = (_context: object, message: string) => {
    stderr.write(`${message}\n`);
  };
  return { warn: write, error: write };
}

/** Nothing is written to the spool here, so nothing has to make room. */
function noneGivenUp(): void {
  throw new Error('the command line writes nothing to the spool');
}

/** Jobs that wait are the service's to store. */
function leaveToService(): void {
  // It tries them again by itself, and at its own reconciliation.
}

if (import.meta.main) {
  process.exitCode = await runCli(process.argv.slice(2), process, readEnvironment());
}
