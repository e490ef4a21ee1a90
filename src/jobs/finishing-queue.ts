import type { Boss } from './boss.ts';
import { JobQueue } from './job-queue.ts';

/** The queue of batches whose manifest is to be written to S3: each job has the ID of its batch. */
export class FinishingQueue extends JobQueue {
  constructor(boss: Boss) {
    super(boss, 'batch-finishings', { concurrency: 1, pollEverySeconds: 1 });
  }
}
