import type { LoggerService } from '@nestjs/common';

/**
 * Warnings and errors from before the service's own logger is there: they wait for it. Nest's own tale of its start is
 * of no use to an operator, and what ends the start is thrown, and told by main.
 */
export class StartLog implements LoggerService {
  readonly #lines: ((log: LoggerService) => void)[] = [];

  log(): void {
    // Nest's tale.
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#lines.push((log) => {
      log.warn(message, ...rest);
    });
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#lines.push((log) => {
      log.error(message, ...rest);
    });
  }

  moveTo(log: LoggerService): void {
    for (const write of this.#lines.splice(0)) write(log);
  }
}
