import type { Writable } from 'node:stream';
import type { LoggerService } from '@nestjs/common';
import { reasonOf } from '../errors/reason.ts';

/** Writes warnings and errors of the services as lines to stderr, without time and context. */
export class CliLog implements LoggerService {
  readonly #stderr: Writable;

  constructor(stderr: Writable) {
    this.#stderr = stderr;
  }

  log(): void {
    // Progress messages of services: the command reports its own result.
  }

  /** @param about the fields of a structured log entry, or the text itself */
  warn(about: unknown, text?: unknown): void {
    if (typeof about !== 'object' || about === null) {
      this.#stderr.write(`${String(about)}\n`);
      return;
    }
    const details = Object.entries(about).map(([name, value]) => `${name}: ${reasonOf(value)}`);
    this.#stderr.write(`${String(text)} (${details.join(', ')})\n`);
  }

  error(about: unknown, text?: unknown): void {
    this.warn(about, text);
  }
}
