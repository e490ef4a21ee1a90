import type { Eraser } from './maintenance/eraser.ts';
import type { Reconciler } from './maintenance/reconciler.ts';
import type { AuditRecords } from './records/audit-records.ts';
import type { Listing } from './records/listing.ts';
import type { ReportRecords } from './records/report-records.ts';
import type { ReviewListing } from './records/review-listing.ts';
import type { TrafficRecords } from './records/traffic-records.ts';
import type { SpooledJobs } from './spooled-jobs.ts';
import type { ReviewArchive } from './review-archive.ts';
import type { VersionArchive } from './version-archive.ts';

/**
 * Injection tokens of storage, in addition to JobRecorder, ObjectStore and SessionStore. StorageOnModule and
 * StorageOffModule provide them. TypeORM is not loaded for them.
 */

/** Reads the records of images and jobs, and the audit log. */
export abstract class StoredRecords {
  abstract readonly images: Listing['images'];
  abstract readonly image: Listing['image'];
  abstract readonly jobs: Listing['jobs'];
  abstract readonly job: Listing['job'];
  abstract readonly audit: Listing['audit'];
}

/** Jobs, also those that are still in the spool */
export abstract class JobLookup {
  abstract readonly waiting: SpooledJobs['waiting'];
  abstract readonly find: SpooledJobs['find'];
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

/** The versions of masked images */
export abstract class StoredVersions {
  abstract readonly sentImage: VersionArchive['sentImage'];
  abstract readonly list: VersionArchive['list'];
  abstract readonly find: VersionArchive['find'];
  abstract readonly latestResult: VersionArchive['latestResult'];
  abstract readonly add: VersionArchive['add'];
  abstract readonly approve: VersionArchive['approve'];
}

/** The queue of masked images that somebody has to look at */
export abstract class StoredReviews {
  abstract readonly page: ReviewListing['page'];
  abstract readonly total: ReviewListing['total'];
  abstract readonly find: ReviewListing['find'];
  abstract readonly counts: ReviewListing['counts'];
  abstract readonly figures: ReviewListing['figures'];
}

/** What reviewers do with the queue */
export abstract class ReviewWork {
  abstract readonly claim: ReviewArchive['claim'];
  abstract readonly release: ReviewArchive['release'];
  abstract readonly decide: ReviewArchive['decide'];
}

/** Reports from outside on masked images */
export abstract class StoredReports {
  abstract readonly add: ReportRecords['add'];
  abstract readonly list: ReportRecords['list'];
}

/** The traffic of all processes of the service. */
export abstract class SharedTraffic {
  /** False: there is no table, and a process knows only its own traffic. */
  abstract readonly isShared: boolean;
  abstract readonly put: TrafficRecords['put'];
  abstract readonly read: TrafficRecords['read'];
  abstract readonly reportInstance: TrafficRecords['reportInstance'];
  abstract readonly leave: TrafficRecords['leave'];
  abstract readonly instances: TrafficRecords['instances'];
}
