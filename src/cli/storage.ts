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
    .description('maintain stored data: repair, delete, migrate')
    .addHelpText('after', '\nUses the settings of the service. Can run while the service is running.');
  const dryRun = ['--dry-run', 'only report what would be done'] as const;
  storage
    .command('reconcile')
    .description('compare records, objects and spool; repair differences')
    .option(...dryRun)
    .action((options: DryRunOption) => reconcile(options, context));
  storage
    .command('prune')
    .description('delete data older than FACE_API_RETENTION_DAYS or --days')
    .option('--days <number>', 'maximum age in days', countFrom(1, 99_999))
    .option(...dryRun)
    .action((options: PruneOptions) => prune(options, context));
  storage
    .command('erase')
    .description('erase an image with its jobs and results')
    .argument('<id>', 'ID of the image or of one of its jobs', toId)
    .option(...dryRun)
    .action((id: string, options: DryRunOption) => erase(id, options, context));
  storage
    .command('migrate')
    .description('migrate the database, as the service does when it starts')
    .action(() => migrate(context));
}

function toId(text: string): string {
  if (UUID.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError('Expected: the ID of an image or of a job.');
}

async function reconcile({ dryRun = false }: DryRunOption, context: CliContext): Promise<void> {
  const { stdout } = context;
  const found = await withStorage(context, ({ reconciler }) => reconciler.reconcile(ACTOR, { dryRun }));
  if (!found) {
    stdout.write('another reconciliation is running: nothing was done\n');
    return;
  }
  const { orphans, missing, stuck } = found;
  for (const key of orphans) stdout.write(`${dryRun ? 'would delete' : 'deleted'} ${key}: no record\n`);
  for (const key of missing)
    stdout.write(`${dryRun ? 'would mark' : 'marked'} ${key} as lost: the object does not exist\n`);
  for (const id of stuck) stdout.write(`job ${id} has been in the spool for over an hour: see the log\n`);
  stdout.write(`${orphans.length} without a record, ${missing.length} lost, ${stuck.length} stuck\n`);
}

async function prune({ dryRun = false, days }: PruneOptions, context: CliContext): Promise<void> {
  const { retentionDays } = readConfiguration(context.environment()).storage;
  const kept = days ?? retentionDays;
  if (kept === 0) throw new UsageError('FACE_API_RETENTION_DAYS is 0 (never delete): add --days N');
  const deleted = await withStorage(context, ({ pruner }) => pruner.prune(retentionLimit(kept), ACTOR, { dryRun }));
  const { jobs, images, damaged } = deleted;
  context.stdout.write(
    `${dryRun ? 'would delete' : 'deleted'} ${jobs} jobs, ${images} images and ${damaged} damaged files older than ${kept} days\n`,
  );
}

async function erase(id: string, { dryRun = false }: DryRunOption, context: CliContext): Promise<void> {
  const erasure = await withStorage(context, ({ eraser }) => eraser.erase(id, ACTOR, { dryRun }));
  if (!erasure) throw new Error(`no image or job has the ID ${id}`);
  const { jobs, objects, spooled } = erasure;
  context.stdout.write(
    `${dryRun ? 'would erase' : 'erased'} the image: ${jobs} jobs, ${objects} objects, ${spooled} files in the spool\n`,
  );
}

async function migrate(context: CliContext): Promise<void> {
  await withDatabase(context, (database) => database.ready());
  context.stdout.write('the database is up to date\n');
}
