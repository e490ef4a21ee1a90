import type { LoggerService } from '@nestjs/common';

/**
 * Holds warnings and errors until the logger of the service exists. The start messages of Nest are
 * of no use to an operator and are dropped. An error that ends the start is thrown, and main reports it.
 */
export class StartLog implements LoggerService {
  readonly #lines: ((log: LoggerService) => void)[] = [];

  log(): void {
    // Start messages of Nest.
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
