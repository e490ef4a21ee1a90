import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { z } from 'zod';

/** What was measured, as tables, as JSON, and beside an earlier run. */

const UNITS = ['ms', 's', '1/s', '×', 'MB'] as const;
/** Of which more is better; of the others, less. */
const MORE_IS_BETTER: readonly string[] = ['1/s', '×'];

export interface Figure {
  /** The same in every run, so that runs can be compared. */
  readonly name: string;
  readonly unit: (typeof UNITS)[number];
  /** One a round, so that all of a run's figures had the machine as it was then. */
  readonly samples: readonly number[];
}

/** Median, with the quartiles as its spread. */
interface Summary {
  readonly name: string;
  readonly unit: Figure['unit'];
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

const runSchema = z.object({
  machine: z.object({ processor: z.string(), cores: z.number(), node: z.string() }),
  date: z.string(),
  model: z.string(),
  figures: z.array(
    z.object({
      name: z.string(),
      unit: z.enum(UNITS),
      median: z.number(),
      low: z.number(),
      high: z.number(),
    }),
  ),
});
export type Run = z.infer<typeof runSchema>;

/** @param share 0 to 1 */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return NaN;
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function toRun(figures: readonly Figure[], model: string): Run {
  return {
    machine: { processor: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), node: process.version },
    date: new Date().toISOString(),
    model,
    figures: figures.filter(({ samples }) => samples.length > 0).map(summarize),
  };
}

function summarize({ name, unit, samples }: Figure): Summary {
  return { name, unit, median: median(samples), low: quantile(samples, 0.25), high: quantile(samples, 0.75) };
}

export async function writeRun(file: string, run: Run): Promise<void> {
  await writeFile(file, `${JSON.stringify(run, null, 2)}\n`);
}

export async function readRun(file: string): Promise<Run> {
  return runSchema.parse(JSON.parse(await readFile(file, 'utf8')));
}

/** @param earlier another run, to which each figure is compared */
export function printRun(run: Run, earlier?: Run): void {
  const { machine, model, figures } = run;
  process.stdout.write(`${machine.processor}, ${machine.cores} cores, Node ${machine.node}, model ${model}\n`);
  if (earlier) process.stdout.write('times: how many times as good as in the earlier run, and between the quartiles\n');
  const before = new Map(earlier?.figures.map((figure) => [figure.name, figure]));
  console.table(
    Object.fromEntries(
      figures.map((figure) => {
        const old = before.get(figure.name);
        return [
          figure.name,
          {
            median: rounded(figure.median),
            quartiles: `${rounded(figure.low)} – ${rounded(figure.high)}`,
            unit: figure.unit,
            ...(old && { before: rounded(old.median), times: improvement(figure, old) }),
          },
        ];
      }),
    ),
  );
}

/** Above 1 is better, whether more or less of the unit is. */
function improvement(now: Summary, before: Summary): string {
  const [one, other] = MORE_IS_BETTER.includes(now.unit) ? [now, before] : [before, now];
  const ratio = (above: number, below: number) => (above / below).toFixed(2);
  return `${ratio(one.median, other.median)} [${ratio(one.low, other.high)} – ${ratio(one.high, other.low)}]`;
}

/** Three digits that count. */
function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}
