import type { Readable, Writable } from 'node:stream';
import type { Environment } from '../config/configuration.ts';

/** What a command works with: the terminal and the settings. */
export interface CliContext {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** Answers. */
  readonly stdout: Writable;
  /** Progress and errors. */
  readonly stderr: Writable;
  readonly environment: () => Environment;
  /** Where the manifest of models is. */
  readonly packageFolder: string;
  /** Aborted by Ctrl-C, from the first call on. */
  readonly interruption: () => AbortSignal;
}

/** The command was wrong: exit code 2, and the message goes on with what to type. */
export class UsageError extends Error {
  readonly instead: string | undefined;

  /** @param instead not given: the command's help */
  constructor(problem: string, instead?: string) {
    super(problem);
    this.instead = instead;
  }
}
