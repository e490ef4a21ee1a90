import type { Boss } from './boss.ts';
import { JobQueue } from './job-queue.ts';

/** The queue of chunks: each job has the ID of its chunk. */
export class BatchQueue extends JobQueue {
  constructor(boss: Boss) {
    super(boss, 'batch-chunks', { concurrency: 1, pollEverySeconds: 0.5 });
  }
}
