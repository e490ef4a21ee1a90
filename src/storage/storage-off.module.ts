import { Module, type Provider } from '@nestjs/common';
import { DomainError } from '../errors/domain-error.ts';
import { JobRecorder, NoRecorder } from './job-recorder.ts';
import { ObjectStore } from './objects/object-store.ts';
import { Replays } from './replays.ts';
import { MemorySessionStore, SessionStore } from './session-store.ts';
import {
  AuditLog,
  ImageEraser,
  JobLookup,
  ReviewWork,
  SharedTraffic,
  StorageRepair,
  StoredRecords,
  StoredReports,
  StoredReviews,
  StoredVersions,
} from './stored.ts';

/** Every method of storage that is off */
function storageOff(): never {
  throw new DomainError('storage_off', 'Nothing is stored: set FACE_API_STORAGE_ENABLED=true to store images and jobs');
}

class NoRecords implements StoredRecords {
  readonly images = storageOff;
  readonly image = storageOff;
  readonly jobs = storageOff;
  readonly job = storageOff;
  readonly audit = storageOff;
}

class NoVersions implements StoredVersions {
  readonly sentImage = storageOff;
  readonly list = storageOff;
  readonly find = storageOff;
  readonly latestResult = storageOff;
  readonly add = storageOff;
  readonly approve = storageOff;
}

class NoReviews implements StoredReviews {
  readonly page = storageOff;
  readonly total = storageOff;
  readonly find = storageOff;
  readonly counts = storageOff;
  readonly figures = storageOff;
}

class NoReviewWork implements ReviewWork {
  readonly claim = storageOff;
  readonly release = storageOff;
  readonly decide = storageOff;
}

class NoObjects implements ObjectStore {
  readonly place = 'nowhere';
  readonly publicOrigin = null;
  readonly put = storageOff;
  readonly get = storageOff;
  readonly find = storageOff;
  readonly holds = storageOff;
  readonly delete = storageOff;
  readonly list = storageOff;
  readonly temporaryUrl = storageOff;
  readonly check = storageOff;
  readonly close = storageOff;
}

class NoReplays implements Replays {
  readonly isOn = false;
  readonly claim = storageOff;
  readonly complete = storageOff;
  readonly release = storageOff;
}

/** Without a database, processes know nothing of each other. */
class NoSharedTraffic implements SharedTraffic {
  readonly isShared = false;
  readonly put = () => Promise.resolve();
  readonly read = () => Promise.resolve([]);
  readonly reportInstance = () => Promise.resolve();
  readonly leave = () => Promise.resolve();
  readonly instances = () => Promise.resolve([]);
}

const providers: Provider[] = [
  { provide: JobRecorder, useClass: NoRecorder },
  { provide: SessionStore, useClass: MemorySessionStore },
  { provide: ObjectStore, useClass: NoObjects },
  { provide: Replays, useClass: NoReplays },
  { provide: StoredRecords, useClass: NoRecords },
  { provide: StoredVersions, useClass: NoVersions },
  { provide: JobLookup, useValue: { waiting: storageOff, find: storageOff } satisfies JobLookup },
  { provide: StoredReviews, useClass: NoReviews },
  { provide: ReviewWork, useClass: NoReviewWork },
  { provide: StoredReports, useValue: { add: storageOff, list: storageOff } satisfies StoredReports },
  { provide: SharedTraffic, useClass: NoSharedTraffic },
  { provide: AuditLog, useValue: { add: storageOff } satisfies AuditLog },
  { provide: ImageEraser, useValue: { erase: storageOff } satisfies ImageEraser },
  { provide: StorageRepair, useValue: { reconcile: storageOff } satisfies StorageRepair },
];

/** Storage is off: the service is stateless, and the libraries of storage are not loaded. */
@Module({ providers, exports: providers })
export class StorageOffModule {}
