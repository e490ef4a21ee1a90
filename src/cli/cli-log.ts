import type { Writable } from 'node:stream';
import type { LoggerService } from '@nestjs/common';
import { reasonOf } from '../errors/reason.ts';

/** The services' warnings and errors as lines on stderr, without time or place: who types a command knows both. */
export class CliLog implements LoggerService {
  readonly #stderr: Writable;

  constructor(stderr: Writable) {
    this.#stderr = stderr;
  }

  log(): void {
    // What a service tells of its course; the command says itself what it has done.
  }

  /** @param about what a structured log would hold, or the text itself */
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
