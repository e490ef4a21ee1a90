import { globSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { reasonOf } from '../../src/errors/reason.ts';
import { startServiceProcess } from '../support/service-process.ts';
import { type Audit, type Finding, sendForMask } from './check.ts';
import { checkDyingWorkers, checkRefusals } from './fail-closed.ts';
import { checkCarriedMetadata, checkMetadata } from './metadata.ts';
import { checkJpeg, checkLossless, REVERSIBLE } from './non-interference.ts';
import { checkCoverage, checkFrames } from './placement.ts';
import { checkStatements } from './statements.ts';
import { checkTiffKinds } from './tiff-kinds.ts';
import { checkTransparency } from './transparency.ts';
import { checkVerification } from './verification.ts';

export interface AuditOptions {
  /** A service that runs; not given: this build is started. */
  readonly url?: string;
  readonly apiKey?: string;
  readonly cases: number;
  /** A folder of images to try beside those that are drawn. */
  readonly images?: string;
  /** Where the files of counter-examples are put. */
  readonly folder: string;
}

export type AuditOutcome =
  /** holds: every promise does, and the check found what it must find */
  { readonly outcome: 'holds' | 'broken' } | { readonly outcome: 'not checked'; readonly reason: string };

/** `face-api audit`: tries the promises of docs/masks.md against a service, from outside, and prints a table. */
export async function runAudit(options: AuditOptions): Promise<AuditOutcome> {
  const { url, apiKey, cases, images } = options;
  const folder = resolve(options.folder);
  const files = images === undefined ? [] : globSync(join(images, '**/*.*'));
  const receipts = await mkdtemp(join(tmpdir(), 'face-api-audit-'));
  await mkdir(folder, { recursive: true });
  const own = url === undefined ? await startServiceProcess({ FACE_API_RECEIPT_KEY_FOLDER: receipts }) : null;
  const audit: Audit = {
    url: own?.url ?? url!.replace(/\/$/, ''),
    headers: apiKey === undefined ? {} : { 'x-api-key': apiKey },
    cases,
    folder,
  };
  try {
    const obstacle = await obstacleTo(audit);
    if (obstacle !== null) return { outcome: 'not checked', reason: obstacle };
    const findings: Finding[] = [];
    const steps: (() => Promise<Finding[]>)[] = [
      () => checkLossless(audit),
      () => checkJpeg(audit),
      () => checkMetadata(audit, files),
      () => checkFrames(audit),
      () => checkTiffKinds(audit),
      () => checkTransparency(audit),
      () => checkCoverage(audit),
      () => checkVerification(audit),
      () => checkStatements(audit),
      () => checkRefusals(audit),
      () => checkCarriedMetadata(audit),
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
    process.stdout.write(
      `control: gaussian and mosaic caught in ${caught} of ${sum(control, (line) => line.cases)}\n\n`,
    );
    process.stdout.write(table(findings));
    const broken = sum(findings, ({ counterExamples }) => counterExamples);
    if (broken > 0) process.stdout.write(`\nThe files of counter-examples are in ${folder}\n`);
    return { outcome: broken === 0 && caught > 0 ? 'holds' : 'broken' };
  } finally {
    await own?.stop();
  }
}

/** Why the service cannot be checked; null if it masks an image. */
async function obstacleTo(audit: Audit): Promise<string | null> {
  const image = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#888' } })
    .jpeg()
    .toBuffer();
  try {
    const response = await sendForMask(audit, image, {});
    const text = await response.text();
    return response.ok ? null : `${audit.url} does not mask images: ${response.status} ${text.slice(0, 300)}`;
  } catch (error) {
    return `${audit.url} does not respond: ${reasonOf(error)}`;
  }
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
