import { type Command, InvalidArgumentError } from 'commander';
import { readConfiguration } from '../config/configuration.ts';
import { retentionLimit } from '../storage/maintenance/retention.ts';
import { type CliContext, UsageError } from './context.ts';
import { countFrom } from './values.ts';
import { withDatabase, withStorage } from './with-storage.ts';

const ACTOR = 'command line';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

interface DryRunOption {
  readonly dryRun?: boolean;
}

interface PruneOptions extends DryRunOption {
  readonly days?: number;
}

export function addStorage(program: Command, context: CliContext): void {
  const storage = program
    .command('storage')
    .description('what is stored: repair, delete, migrate')
    .addHelpText('after', "\nIt uses the service's own settings, and may run while the service does.");
  const dryRun = ['--dry-run', 'only say what would be done'] as const;
  storage
    .command('reconcile')
    .description('compare records, images and spool; repair what does not fit')
    .option(...dryRun)
    .action((options: DryRunOption) => reconcile(options, context));
  storage
    .command('prune')
    .description('delete what is older than FACE_API_RETENTION_DAYS, or than --days')
    .option('--days <number>', 'days to keep', countFrom(1, 99_999))
    .option(...dryRun)
    .action((options: PruneOptions) => prune(options, context));
  storage
    .command('erase')
    .description('erase an image and all that was made of it')
    .argument('<id>', "the image's, or one of its jobs'", toId)
    .option(...dryRun)
    .action((id: string, options: DryRunOption) => erase(id, options, context));
  storage
    .command('migrate')
    .description('bring the database up to date, as the service does at its start')
    .action(() => migrate(context));
}

function toId(text: string): string {
  if (UUID.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError('It takes the ID of an image or of a job.');
}

async function reconcile({ dryRun = false }: DryRunOption, context: CliContext): Promise<void> {
  const { stdout } = context;
  const found = await withStorage(context, ({ reconciler }) => reconciler.reconcile(ACTOR, { dryRun }));
  if (!found) {
    stdout.write('another instance is reconciling at this moment: nothing was done\n');
    return;
  }
  const { orphans, missing, stuck } = found;
  for (const key of orphans) stdout.write(`${dryRun ? 'would delete' : 'deleted'} ${key}: no record names it\n`);
  for (const key of missing) stdout.write(`${dryRun ? 'would mark' : 'marked'} ${key} as lost: a record names it\n`);
  for (const id of stuck) stdout.write(`the job ${id} has waited in the spool for over an hour: the log says why\n`);
  stdout.write(`${orphans.length} without a record, ${missing.length} lost, ${stuck.length} stuck\n`);
}

async function prune({ dryRun = false, days }: PruneOptions, context: CliContext): Promise<void> {
  const { retentionDays } = readConfiguration(context.environment()).storage;
  const kept = days ?? retentionDays;
  if (kept === 0) throw new UsageError('FACE_API_RETENTION_DAYS is 0, which keeps everything: say --days N');
  const deleted = await withStorage(context, ({ pruner }) => pruner.prune(retentionLimit(kept), ACTOR, { dryRun }));
  const { jobs, images, damaged } = deleted;
  context.stdout.write(
    `${dryRun ? 'would delete' : 'deleted'} ${jobs} jobs, ${images} images and ${damaged} damaged files, older than ${kept} days\n`,
  );
}

async function erase(id: string, { dryRun = false }: DryRunOption, context: CliContext): Promise<void> {
  const erasure = await withStorage(context, ({ eraser }) => eraser.erase(id, ACTOR, { dryRun }));
  if (!erasure) throw new Error(`there is no image, and no job, with the id ${id}`);
  const { jobs, objects, spooled } = erasure;
  context.stdout.write(
    `${dryRun ? 'would erase' : 'erased'} the image: ${jobs} jobs, ${objects} objects, ${spooled} files in the spool\n`,
  );
}

async function migrate(context: CliContext): Promise<void> {
  await withDatabase(context, (database) => database.ready());
  context.stdout.write('the database is up to date\n');
}
