import { isAbort, type Problem, problemOf } from './api/problem.ts';

/** One thing that is read from the service: its value, whether it is on its way, and what went wrong the last time. */
export class Loader<Value> {
  value = $state.raw<Value>();
  problem = $state.raw<Problem>();
  loading = $state(false);
  #controller: AbortController | undefined;

  /** Reads it again; a reading that is still under way is given up. What was read before stays until then. */
  async load(read: (signal: AbortSignal) => Promise<Value>): Promise<void> {
    this.#controller?.abort();
    const controller = new AbortController();
    this.#controller = controller;
    this.loading = true;
    try {
      const value = await read(controller.signal);
      if (this.#controller !== controller) return;
      this.value = value;
      this.problem = undefined;
    } catch (error) {
      if (isAbort(error) || this.#controller !== controller) return;
      this.problem = problemOf(error);
    } finally {
      if (this.#controller === controller) this.loading = false;
    }
  }

  stop(): void {
    this.#controller?.abort();
    this.#controller = undefined;
    this.loading = false;
  }

  /** Forgets what was read. */
  clear(): void {
    this.stop();
    this.value = undefined;
    this.problem = undefined;
  }
}

interface Page<Row> {
  readonly rows: readonly Row[];
  readonly next: string | null;
}

/** A list that is read page by page. Lives longer than its page of the console, so that the way back finds it as it was. */
export class PagedList<Row> {
  rows = $state.raw<readonly Row[]>([]);
  next = $state.raw<string | null>(null);
  /** What is listed; null where nothing has been asked for. */
  key = $state.raw<string | null>(null);
  #page = new Loader<Page<Row>>();

  get problem(): Problem | undefined {
    return this.#page.problem;
  }

  get loading(): boolean {
    return this.#page.loading;
  }

  /** The first page has come. */
  get ready(): boolean {
    return this.#page.value !== undefined;
  }

  async start(key: string, read: (after: string | undefined, signal: AbortSignal) => Promise<Page<Row>>) {
    if (key !== this.key) {
      this.#page.clear();
      this.rows = [];
      this.next = null;
    }
    this.key = key;
    await this.#page.load((signal) => read(undefined, signal));
    this.#take((_, rows) => rows);
  }

  async more(read: (after: string | undefined, signal: AbortSignal) => Promise<Page<Row>>) {
    const after = this.next;
    if (after === null || this.loading) return;
    await this.#page.load((signal) => read(after, signal));
    this.#take((before, rows) => [...before, ...rows]);
  }

  forget(): void {
    this.#page.clear();
    this.rows = [];
    this.next = null;
    this.key = null;
  }

  #take(join: (before: readonly Row[], rows: readonly Row[]) => readonly Row[]): void {
    const { value, problem, loading } = this.#page;
    if (value === undefined || problem !== undefined || loading) return;
    this.rows = join(this.rows, value.rows);
    this.next = value.next;
  }
}

/**
 * Does something now and again after each pause, as long as the page is looked at.
 * @returns ends it
 */
export function repeatWhileVisible(action: () => Promise<void>, pauseMs: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let round = 0;
  const run = async () => {
    const mine = ++round;
    clearTimeout(timer);
    if (document.hidden) return;
    await action();
    if (mine === round) timer = setTimeout(() => void run(), pauseMs);
  };
  const onVisibility = () => void run();
  document.addEventListener('visibilitychange', onVisibility);
  void run();
  return () => {
    round += 1;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisibility);
  };
}
