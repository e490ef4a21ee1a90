import type { Boss } from '../boss.ts';
import { JobQueue } from '../job-queue.ts';

/** The queue of webhooks: each job is one attempt at a delivery. A few at a time, because receivers may be slow. */
export class WebhookQueue extends JobQueue {
  constructor(boss: Boss) {
    super(boss, 'webhooks', { concurrency: 4, pollEverySeconds: 1 });
  }
}
