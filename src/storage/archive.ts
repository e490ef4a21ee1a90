import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import { contentTypeOf, objectKeysOf, originalKey, resultKey } from './objects/object-keys.ts';
import { openForMasking } from './open-review.ts';
import { ObjectStore } from './objects/object-store.ts';
import { Database } from './records/database.ts';
import { type ImageRow, imageEntity } from './records/image.entity.ts';
import { jobEntity } from './records/job.entity.ts';
import { lockImage, lockJob } from './records/locks.ts';
import { namedByRows } from './records/named-objects.ts';
import type { SpooledBytes, SpooledJob, SpooledRecord } from './spool/spool-entry.ts';

/** Stores jobs: their bytes in the object store, their records in the database. */
@Injectable()
export class Archive {
  constructor(
    private readonly database: Database,
    private readonly objects: ObjectStore,
  ) {}

  /**
   * Stores the job; a second call with the same job changes nothing. Objects are put before the rows that name them.
   * @param isWanted called while the image is locked: false if the job was erased in the meantime
   * @returns false if the job was not wanted
   * @throws the error of the database or the object store; the call can then be repeated
   */
  async store(job: SpooledJob, isWanted: () => Promise<boolean>): Promise<boolean> {
    const dataSource = await this.database.ready();
    return dataSource.transaction(async (rows) => {
      await lockJobAndImage(rows, job);
      if (!(await isWanted())) return false;
      const imageId = job.original && (await this.storeImage(rows, job, job.original));
      const key = job.result && (await this.storeResult(job, job.result));
      await insertJob(rows, job, imageId, key);
      await openForMasking(rows, job, imageId);
      return true;
    });
  }

  /**
   * Deletes the objects that failed attempts may have put for a job that is no longer wanted. If the database became
   * unavailable during such an attempt, the job could be erased before its objects were put.
   */
  async withdraw(job: SpooledRecord): Promise<void> {
    const dataSource = await this.database.ready();
    await dataSource.transaction(async (rows) => {
      await lockJobAndImage(rows, job);
      const keys = objectKeysOf(job);
      const named = await namedByRows(rows, keys);
      for (const key of keys) if (!named.has(key)) await this.objects.delete(key);
    });
  }

  /** The same bytes are put once. If their object was lost, it is put again. */
  private async storeImage(rows: EntityManager, job: SpooledJob, original: SpooledBytes): Promise<string> {
    const images = rows.getRepository(imageEntity);
    const { sha256, type, bytes } = original;
    const known = await images.findOneBy({ sha256 });
    const objectKey = known?.objectKey ?? originalKey(sha256, type);
    if (!known?.objectKey) await this.objects.put(objectKey, bytes, contentTypeOf(objectKey));
    const image: ImageRow = known ?? {
      id: v7(),
      sha256,
      type,
      bytes: bytes.byteLength,
      width: null,
      height: null,
      faceCount: null,
      objectKey,
      createdAt: new Date(job.createdAt),
      lastUsedAt: new Date(job.createdAt),
    };
    const createdAt = new Date(job.createdAt);
    await images.save({
      ...image,
      objectKey,
      width: job.size?.width ?? image.width,
      height: job.size?.height ?? image.height,
      faceCount: greatest(image.faceCount, job.faceCount),
      // Jobs may be stored in a different order than they arrived.
      createdAt: createdAt < image.createdAt ? createdAt : image.createdAt,
      lastUsedAt: createdAt > image.lastUsedAt ? createdAt : image.lastUsedAt,
    });
    return image.id;
  }

  private async storeResult(job: SpooledJob, { type, bytes }: SpooledBytes): Promise<string> {
    const key = resultKey(job.id, new Date(job.createdAt), type);
    await this.objects.put(key, bytes, contentTypeOf(key));
    return key;
  }
}

/** Storing, erasing and repairing exclude each other. */
async function lockJobAndImage(rows: EntityManager, { id, original }: SpooledRecord): Promise<void> {
  if (original) await lockImage(rows, original.sha256);
  await lockJob(rows, id);
}

async function insertJob(
  rows: EntityManager,
  job: SpooledJob,
  imageId: string | null,
  key: string | null,
): Promise<void> {
  await rows
    .createQueryBuilder()
    .insert()
    .into(jobEntity)
    .values({
      id: job.id,
      kind: job.kind,
      status: job.status,
      imageId,
      options: job.options,
      faces: job.faces && [...job.faces],
      faceCount: job.faceCount,
      maskedCount: job.maskedCount,
      uncertainCount: job.uncertainCount ?? null,
      settings: (job.settings ?? null) as object | null,
      verification: job.verification ?? null,
      metadata: (job.metadata ?? null) as object | null,
      masks: job.masks ? [...job.masks] : null,
      timings: job.timings,
      durationMs: job.durationMs,
      modelName: job.model.name,
      modelSha256: job.model.sha256,
      errorCode: job.error?.code ?? null,
      errorDetail: job.error?.detail ?? null,
      requestId: job.requestId,
      apiKeyName: job.apiKeyName,
      resultKey: key,
      resultType: job.result?.type ?? null,
      resultBytes: job.result?.bytes.byteLength ?? null,
      resultSha256: job.result?.sha256 ?? null,
      createdAt: new Date(job.createdAt),
    })
    .orIgnore()
    .updateEntity(false)
    .execute();
}

function greatest(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}
