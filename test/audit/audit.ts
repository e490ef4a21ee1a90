import { globSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startServiceProcess } from '../service-process.ts';
import type { Audit, Finding } from './check.ts';
import { checkDyingWorkers, checkRefusals } from './fail-closed.ts';
import { checkMetadata } from './metadata.ts';
import { checkJpeg, checkLossless, REVERSIBLE } from './non-interference.ts';
import { checkCoverage, checkFrames } from './placement.ts';
import { checkStatements } from './statements.ts';
import { checkTiffKinds } from './tiff-kinds.ts';

/**
 * `npm run audit`: tries the promises of docs/masks.md against a service, from outside. Starts the built service, or
 * asks the one at --url; prints a table and ends with 1 if a promise was broken.
 */

const { values: given } = parseArgs({
  options: {
    url: { type: 'string' },
    'api-key': { type: 'string' },
    cases: { type: 'string', default: '50' },
    images: { type: 'string' },
    folder: { type: 'string', default: 'audit-counter-examples' },
  },
});

const cases = Number(given.cases);
const folder = resolve(given.folder);
const files = given.images === undefined ? [] : globSync(join(given.images, '**/*.*'));
const receipts = await mkdtemp(join(tmpdir(), 'face-api-audit-'));
await mkdir(folder, { recursive: true });

const own = given.url === undefined ? await startServiceProcess({ FACE_API_RECEIPT_KEY_FOLDER: receipts }) : null;
const audit: Audit = {
  url: own?.url ?? given.url!.replace(/\/$/, ''),
  headers: given['api-key'] === undefined ? {} : { 'x-api-key': given['api-key'] },
  cases,
  folder,
};

try {
  const findings: Finding[] = [];
  const steps: (() => Promise<Finding[]>)[] = [
    () => checkLossless(audit),
    () => checkJpeg(audit),
    () => checkMetadata(audit, files),
    () => checkFrames(audit),
    () => checkTiffKinds(audit),
    () => checkCoverage(audit),
    () => checkStatements(audit),
    () => checkRefusals(audit),
    // Threads can be made to die only in a service that the audit itself has started.
    async () => (own ? (await checkDyingWorkers(audit)).findings : []),
  ];
  for (const step of steps) {
    const found = await step();
    findings.push(...found);
    for (const line of found) process.stdout.write(`${describe(line)}\n`);
  }
  // Of the methods that are no promise, the same check must find what they leave: else it could find nothing.
  const control = await checkLossless({ ...audit, cases: Math.min(cases, 40), folder: receipts }, REVERSIBLE);
  const caught = sum(control, ({ counterExamples }) => counterExamples);
  process.stdout.write(`control: gaussian and mosaic caught in ${caught} of ${sum(control, (line) => line.cases)}\n\n`);
  process.stdout.write(table(findings));
  const broken = sum(findings, ({ counterExamples }) => counterExamples);
  if (broken > 0) process.stdout.write(`\nThe files of counter-examples are in ${folder}\n`);
  process.exitCode = broken > 0 || caught === 0 ? 1 : 0;
} finally {
  await own?.stop();
}

function sum(lines: readonly Finding[], of: (line: Finding) => number): number {
  return lines.reduce((total, line) => total + of(line), 0);
}

function describe({ promise, what, cases: tried, counterExamples, example }: Finding): string {
  const outcome = counterExamples === 0 ? 'holds' : `BROKEN ${counterExamples} times, first ${example}`;
  return `promise ${promise}: ${what}: ${tried} cases, ${outcome}`;
}

/** In Markdown, a row for each promise. */
function table(findings: readonly Finding[]): string {
  const rows = [...new Set(findings.map(({ promise }) => promise))].map((promise) => {
    const lines = findings.filter((line) => line.promise === promise);
    const tried = sum(lines, (line) => line.cases);
    return `| ${promise} | ${lines.length} | ${tried} | ${sum(lines, (line) => line.counterExamples)} |`;
  });
  return `| promise | checks | cases | counter-examples |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}
