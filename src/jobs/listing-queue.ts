import type { Boss } from './boss.ts';
import { JobQueue } from './job-queue.ts';

/** The queue of batches whose source is to be listed: each job has the ID of its batch. */
export class ListingQueue extends JobQueue {
  constructor(boss: Boss) {
    super(boss, 'batch-listings', { concurrency: 1, pollEverySeconds: 1 });
  }
}
