import { DomainError } from '../../errors/domain-error.ts';
import type { CancelFlag, StageTimings, StageWork } from './messages.ts';

/** Runs the stages of a request in turn, measures their times, and stops between two when the request is abandoned. */
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

  /** Groups the stages that run in `work` under a name. */
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

/** The performance clock of a thread starts with the thread. */
function sinceEpoch(ms: number): number {
  return performance.timeOrigin + ms;
}
