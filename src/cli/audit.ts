import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { NotCheckedError } from './context.ts';
import { countFrom } from './values.ts';

/** The checks use drawn people and helpers of the tests, so they exist in a checkout only, not in a deployment. */
const AUDIT = new URL('../../test/audit/audit.ts', import.meta.url);

interface AuditOptions {
  readonly url?: string;
  readonly apiKey?: string;
  readonly cases: number;
  readonly images?: string;
  readonly folder: string;
}

type AuditOutcome =
  { readonly outcome: 'holds' | 'broken' } | { readonly outcome: 'not checked'; readonly reason: string };

interface Audit {
  readonly runAudit: (options: AuditOptions) => Promise<AuditOutcome>;
}

export function addAudit(program: Command): void {
  program
    .command('audit')
    .description('test the promises of docs/masks.md against this build or a running service')
    .option('--url <url>', 'URL of a running service (default: start this build)')
    .option('--api-key <key>', 'API key of that service')
    .option('--cases <number>', 'number of test cases per promise', countFrom(1, 1_000_000), 50)
    .option('--images <folder>', 'also test with your own images')
    .option('--folder <folder>', 'folder for counter-examples', 'audit-counter-examples')
    .action(async (options: AuditOptions) => {
      if (!existsSync(AUDIT)) throw new Error('the audit needs a checkout of the repository: run it there with --url');
      const { runAudit } = (await import(AUDIT.href)) as Audit;
      const audit = await runAudit(options);
      if (audit.outcome === 'not checked') throw new NotCheckedError(`not checked: ${audit.reason}`);
      if (audit.outcome === 'broken') throw new Error('a promise does not hold');
    });
}
