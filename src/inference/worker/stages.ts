import { DomainError } from '../../errors/domain-error.ts';
import type { CancelFlag, StageTimings, StageWork } from './messages.ts';

/** Runs a request's stages one after another, takes their time, and stops between two once nobody waits any more. */
export class Stages {
  readonly #cancel: CancelFlag;
  readonly #timings: Record<string, number> = {};
  #work: StageWork[] = [];

  constructor(cancel: CancelFlag) {
    this.#cancel = cancel;
  }

  async run<Result>(name: string, stage: () => Result | Promise<Result>): Promise<Result> {
    if (Atomics.load(this.#cancel, 0) !== 0) {
      throw new DomainError('deadline_exceeded', 'Processing was stopped because the request has ended');
    }
    const start = performance.now();
    const result = await stage();
    const end = performance.now();
    this.#timings[name] = (this.#timings[name] ?? 0) + end - start;
    this.#work.push({ name, start: sinceEpoch(start), end: sinceEpoch(end), parts: [] });
    return result;
  }

  /** Puts the stages that run within `work` under a name of their own. */
  async group<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const outside = this.#work;
    const parts: StageWork[] = [];
    this.#work = parts;
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.#work = outside;
      outside.push({ name, start: sinceEpoch(start), end: sinceEpoch(performance.now()), parts });
    }
  }

  get timings(): StageTimings {
    return { ...this.#timings };
  }

  get work(): readonly StageWork[] {
    return this.#work;
  }
}

/** The threads' clocks start with the threads. */
function sinceEpoch(ms: number): number {
  return performance.timeOrigin + ms;
}
