import type { Failure } from './failure.ts';
import type { Source } from './sources.ts';

/** Failures that are shown for each code; the report has all. */
const SHOWN = 3;

interface Group {
  count: number;
  readonly shown: string[];
}

/** What came of the files of a run */
export class Tally {
  done = 0;
  alreadyDone = 0;
  skipped = 0;
  failed = 0;
  faces = 0;
  uncertain = 0;
  readonly #failures = new Map<string, Group>();

  addFailure({ name }: Pick<Source, 'name'>, { code, reason }: Failure): void {
    this.failed++;
    const group = this.#failures.get(code) ?? { count: 0, shown: [] };
    this.#failures.set(code, group);
    group.count++;
    if (group.shown.length < SHOWN) group.shown.push(`${printable(name)}: ${printable(reason)}`);
  }

  get total(): number {
    return this.done + this.alreadyDone + this.skipped + this.failed;
  }

  /** @param verb such as "masked" */
  summary(verb: string): string {
    const parts = [
      `${this.done} ${verb} (${this.faces} faces, ${this.uncertain} uncertain)`,
      `${this.alreadyDone} done before`,
      `${this.skipped} skipped (not images)`,
      `${this.failed} failed`,
    ];
    return `${parts.join(', ')}\n`;
  }

  failures(): string {
    const groups = [...this.#failures].map(([code, { count, shown }]) => {
      const more = count > shown.length ? [`  and ${count - shown.length} more`] : [];
      return [`${code}: ${count}`, ...shown.map((line) => `  ${line}`), ...more].join('\n');
    });
    return groups.map((group) => `${group}\n`).join('');
  }
}

/** A name may have line breaks, and bytes that control the terminal. */
export function printable(text: string): string {
  return /\p{C}/u.test(text) ? JSON.stringify(text) : text;
}
