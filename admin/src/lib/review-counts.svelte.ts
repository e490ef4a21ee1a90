import { type ReviewCounts, readReviewCounts } from './api/admin.ts';
import { Loader } from './loader.svelte.ts';
import { startOfToday } from './time-range.ts';

/** The counts of the queue: the navigation and the page of the queue show them. */
class Counts {
  #loader = new Loader<ReviewCounts>();

  get value(): ReviewCounts | undefined {
    return this.#loader.value;
  }

  async refresh(): Promise<void> {
    await this.#loader.load((signal) => readReviewCounts(startOfToday(), signal));
  }
}

export const reviewCounts = new Counts();
