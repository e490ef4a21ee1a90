import type { Eraser } from './maintenance/eraser.ts';
import type { Reconciler } from './maintenance/reconciler.ts';
import type { AuditRecords } from './records/audit-records.ts';
import type { Listing } from './records/listing.ts';
import type { TrafficRecords } from './records/traffic-records.ts';

/**
 * What the service uses of storage, as tokens to inject, beside JobRecorder, ObjectStore and SessionStore. With storage
 * on, the parts are behind them; with storage off, StorageOffModule. TypeORM is not loaded for them.
 */

/** Reads the records of images, jobs and the audit. */
export abstract class StoredRecords {
  abstract readonly images: Listing['images'];
  abstract readonly image: Listing['image'];
  abstract readonly jobs: Listing['jobs'];
  abstract readonly job: Listing['job'];
  abstract readonly audit: Listing['audit'];
}

export abstract class AuditLog {
  abstract readonly add: AuditRecords['add'];
}

export abstract class ImageEraser {
  abstract readonly erase: Eraser['erase'];
}

export abstract class StorageRepair {
  abstract readonly reconcile: Reconciler['reconcile'];
}

/** The traffic of all processes of the service. */
export abstract class SharedTraffic {
  /** False: there is no table, and a process knows its own traffic alone. */
  abstract readonly isShared: boolean;
  abstract readonly put: TrafficRecords['put'];
  abstract readonly read: TrafficRecords['read'];
  abstract readonly greet: TrafficRecords['greet'];
  abstract readonly leave: TrafficRecords['leave'];
  abstract readonly instances: TrafficRecords['instances'];
}
