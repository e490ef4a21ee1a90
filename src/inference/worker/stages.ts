import { DomainError } from '../../errors/domain-error.ts';
import type { CancelFlag, StageTimings } from './messages.ts';

/** Runs a request's stages one after another, takes their time, and stops between two once nobody waits any more. */
export class Stages {
  readonly #cancel: CancelFlag;
  readonly #timings: Record<string, number> = {};

  constructor(cancel: CancelFlag) {
    this.#cancel = cancel;
  }

  async run<Result>(name: string, stage: () => Result | Promise<Result>): Promise<Result> {
    if (Atomics.load(this.#cancel, 0) !== 0) {
      throw new DomainError('deadline_exceeded', 'The work was stopped: nobody waits for it any more');
    }
    const start = performance.now();
    const result = await stage();
    this.#timings[name] = (this.#timings[name] ?? 0) + performance.now() - start;
    return result;
  }

  get timings(): StageTimings {
    return { ...this.#timings };
  }
}
