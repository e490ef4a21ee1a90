import { isAbort, type Problem, problemOf } from './api/problem.ts';

/** A value that is read from the service: the value, whether it is loading, and the last problem. */
export class Loader<Value> {
  value = $state.raw<Value>();
  problem = $state.raw<Problem>();
  loading = $state(false);
  #controller: AbortController | undefined;

  /** Reads it again and cancels a running request. The old value remains until then. */
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

  /** Clears the value. */
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

/** A list that is read page by page. It outlives its page of the console, so that going back shows it as it was. */
export class PagedList<Row> {
  rows = $state.raw<readonly Row[]>([]);
  next = $state.raw<string | null>(null);
  /** The filters of its page, as the query of the URL: links back to the list keep them. */
  search = '';
  /** Identifies the listed query; null before the first one. */
  key = $state.raw<string | null>(null);
  #page = new Loader<Page<Row>>();

  get problem(): Problem | undefined {
    return this.#page.problem;
  }

  get loading(): boolean {
    return this.#page.loading;
  }

  /** Whether the first page has been read. */
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
 * Runs an action now and after each pause while the page is visible.
 * @returns a function that stops it
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
