/** Counting semaphore that gives permits in the order of the requests; those of the background come last. */
export class Semaphore {
  readonly limit: number;
  #free: number;
  readonly #waiting: (() => void)[] = [];
  readonly #inBackground: (() => void)[] = [];

  constructor(limit: number) {
    this.limit = limit;
    this.#free = limit;
  }

  get inUse(): number {
    return this.limit - this.#free;
  }

  get waiting(): number {
    return this.#waiting.length + this.#inBackground.length;
  }

  /**
   * Waits for a permit.
   * @returns a function that returns the permit; further calls do nothing
   * @param isInteractive false: only when no interactive request waits
   * @throws the reason of the signal if it aborts first; the request then leaves the queue
   */
  async acquire(signal: AbortSignal, isInteractive = true): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal, isInteractive ? this.#waiting : this.#inBackground);
    return this.#releaseOnce();
  }

  #wait(signal: AbortSignal, queue: (() => void)[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const granted = () => {
        signal.removeEventListener('abort', aborted);
        resolve();
      };
      const aborted = () => {
        queue.splice(queue.indexOf(granted), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', aborted, { once: true });
      queue.push(granted);
    });
  }

  #releaseOnce(): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const next = this.#waiting.shift() ?? this.#inBackground.shift();
      // The permit is passed on without becoming free, so that no later request can take it.
      if (next) next();
      else this.#free++;
    };
  }
}
