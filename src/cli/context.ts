import type { Readable, Writable } from 'node:stream';
import type { Environment } from '../config/configuration.ts';

/** The terminal and the settings of a command. */
export interface CliContext {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** For results. */
  readonly stdout: Writable;
  /** For progress and errors. */
  readonly stderr: Writable;
  readonly environment: () => Environment;
  /** Folder of the model manifest. */
  readonly packageFolder: string;
  /** A signal that Ctrl-C or SIGTERM aborts, from the first call on. */
  readonly interruption: () => AbortSignal;
  /** For the whole process: called before it decodes images of unknown origin. */
  readonly restrictDecoders: () => Promise<void>;
}

/** An invalid command: exit code 2, and the message ends with what to run. */
export class UsageError extends Error {
  readonly instead: string | undefined;

  /** @param instead what to run; by default the help of the command */
  constructor(problem: string, instead?: string) {
    super(problem);
    this.instead = instead;
  }
}

/** Nothing could be checked: neither success nor failure. Exit code 3. */
export class NotCheckedError extends Error {}
