import { DomainError } from '../errors/domain-error.ts';
import type { BatchItemState } from '../storage/records/batch-item.entity.ts';
import type { BatchIntake } from './batch-intake.ts';
import type { Batch, BatchItem, BatchOrder, FailureGroup, Owner } from './batch-records.ts';
import type { ResultArchive } from './results/result-archive.ts';
import type { S3Place } from './s3-place.ts';
import type { Delivery } from './webhooks/webhook-records.ts';

export interface BatchPage {
  readonly batches: readonly Batch[];
  /** Null: this is the last page. */
  readonly next: string | null;
}

export interface ItemPage {
  readonly items: readonly BatchItem[];
  /** Of their batch */
  readonly output: S3Place | null;
  readonly next: number | null;
}

/** Batches of images that outlast their request. Also the injection token, whether storage is on or off. */
export abstract class Batches {
  abstract receive(apiKeyName: string | null, requestId: string): Promise<BatchIntake>;

  /** @throws DomainError not_found, also if it belongs to another key */
  abstract find(id: string, owner: Owner): Promise<Batch>;

  /** Newest first. */
  abstract list(owner: Owner, limit: number, after: string | undefined): Promise<BatchPage>;

  abstract items(id: string, owner: Owner, page: ItemPageRequest): Promise<ItemPage>;

  /** @param filesPerGroup how many files of each group are named at most */
  abstract failures(id: string, owner: Owner, filesPerGroup: number): Promise<FailureGroup[]>;

  /** Gives up the items that wait; what is done stays. */
  abstract cancel(id: string, owner: Owner): Promise<Batch>;

  /** Processes the dead items again; without any, writes a manifest that could not be written. @throws DomainError batch_active */
  abstract retry(id: string, owner: Owner): Promise<Batch>;

  /** @throws DomainError batch_active, results_in_s3 */
  abstract result(id: string, owner: Owner): Promise<ResultArchive>;

  /** The latest webhooks of the batch with their latest attempts, newest first */
  abstract deliveries(id: string, owner: Owner): Promise<Delivery[]>;

  /** Sends a webhook again, whatever became of it. @throws DomainError not_found */
  abstract redeliver(id: string, deliveryId: string, owner: Owner): Promise<void>;
}

export interface ItemPageRequest {
  readonly from: number;
  readonly limit: number;
  readonly state?: BatchItemState | undefined;
}

export type { Batch, BatchItem, BatchOrder, Delivery, FailureGroup, Owner };

function storageOff(): never {
  throw new DomainError('storage_off', 'Batches need storage: set FACE_API_STORAGE_ENABLED=true');
}

/** Storage is off. */
export class NoBatches extends Batches {
  override readonly receive = storageOff;
  override readonly find = storageOff;
  override readonly list = storageOff;
  override readonly items = storageOff;
  override readonly failures = storageOff;
  override readonly cancel = storageOff;
  override readonly retry = storageOff;
  override readonly result = storageOff;
  override readonly deliveries = storageOff;
  override readonly redeliver = storageOff;
}
