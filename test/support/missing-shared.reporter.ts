import type { Reporter } from 'vitest/node';
import { describeMissing } from './shared.ts';

/** Says at the end of a test run what was skipped because files are missing. */
export default class MissingSharedReporter implements Reporter {
  onTestRunEnd(): void {
    const missing = describeMissing();
    if (missing !== null) process.stderr.write(`\n${missing}\n`);
  }
}
