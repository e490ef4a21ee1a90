import { type Command, InvalidArgumentError } from 'commander';
import type { CliContext } from './context.ts';
import { withStorage } from './with-storage.ts';

interface ExportOptions {
  readonly out: string;
  readonly all?: boolean;
  readonly from?: Date;
  readonly to?: Date;
}

export function addReview(program: Command, context: CliContext): void {
  const review = program
    .command('review')
    .description('use what people corrected')
    .addHelpText('after', '\nUses the settings of the service. Can run while the service is running.');
  review
    .command('export')
    .description('write corrected images and their faces as training data, in the layout of models/training')
    .requiredOption('--out <folder>', 'folder for images/ and labels.jsonl')
    .option('--all', 'also images that nobody has corrected')
    .option('--from <date>', 'only images first sent at this time or later, such as 2026-11-01', toDate)
    .option('--to <date>', 'only images first sent before this time', toDate)
    .action((options: ExportOptions) => exportCorrections(options, context));
}

function toDate(text: string): Date {
  const date = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : new Date(NaN);
  if (!Number.isNaN(date.getTime())) return date;
  throw new InvalidArgumentError('Expected: a date such as 2026-11-01, or a time such as 2026-11-01T12:00:00Z.');
}

async function exportCorrections({ out, all, from, to }: ExportOptions, context: CliContext): Promise<void> {
  const { stdout, stderr } = context;
  stderr.write(`${out} gets photographs with visible faces. Erasing a stored image does not delete them there\n`);
  const { exportTraining } = await import('../review/training-export.ts');
  const filter = { isCorrected: all !== true, from, to };
  const { images, faces, ignored, skipped } = await withStorage(context, (sources) =>
    exportTraining(sources, out, filter, context.interruption()),
  );
  stdout.write(`${images} images with ${faces} faces, ${ignored} boxes to ignore; ${skipped} images skipped\n`);
}
