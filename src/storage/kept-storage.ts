import type { Eraser } from './maintenance/eraser.ts';
import type { Reconciler } from './maintenance/reconciler.ts';
import type { ObjectStore } from './objects/object-store.ts';
import type { AuditRecords } from './records/audit-records.ts';
import type { Database } from './records/database.ts';
import type { Listing } from './records/listing.ts';
import type { TrafficRecords } from './records/traffic-records.ts';
import type { Spool } from './spool/spool.ts';

/** What is kept, for those who look at it or act on it. Injected as null where storage is off; imports no code of it. */
export abstract class KeptStorage {
  abstract readonly listing: Listing;
  abstract readonly eraser: Eraser;
  abstract readonly reconciler: Reconciler;
  abstract readonly objects: ObjectStore;
  abstract readonly database: Database;
  abstract readonly spool: Spool;
  abstract readonly traffic: TrafficRecords;
  abstract readonly audit: AuditRecords;
}
