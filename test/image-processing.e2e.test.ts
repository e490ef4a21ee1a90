import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobPage } from '../src/admin/kept/schemas.ts';
import { DomainError } from '../src/errors/domain-error.ts';
import { ImageProcessing } from '../src/inference/image-processing.ts';
import { type ImageRequest, toImageRequest } from '../src/inference/image-request.ts';
import { InferenceSemaphore } from '../src/inference/inference-semaphore.ts';
import { MaskingService } from '../src/masking/masking.service.ts';
import type { MaskRequestOptions } from '../src/masking/schemas.ts';
import { asAdmin, readJson, startAdminService } from './support/admin-client.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { type Service, until } from './support/service.ts';

const photo = await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg');

describe('an image that comes without an HTTP request', () => {
  let folder: string;
  let database: TestDatabase;
  let service: Service;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'face-api-data-'));
    database = await createTestDatabase();
    service = await startAdminService({
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: database.url,
    });
  });
  afterAll(async () => {
    await service.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  const imageOf = (id: string, abandoned: AbortSignal): ImageRequest<MaskRequestOptions> =>
    toImageRequest({
      id,
      kind: 'mask',
      options: { method: 'solid' },
      abandoned,
      apiKeyName: null,
      store: true,
      isInteractive: true,
      image: Uint8Array.from(photo),
    });
  const mask = (image: ImageRequest<MaskRequestOptions>) =>
    service.app.get(ImageProcessing).process(image, () => service.app.get(MaskingService).mask(image));
  const jobOf = (id: string) =>
    until(async () => {
      const { rows } = await readJson<JobPage>(asAdmin(service, `/jobs?request_id=${id}`));
      return rows[0];
    });

  it('is masked, has its job stored, and says what came of it', async () => {
    const image = imageOf('without-http-1', new AbortController().signal);
    const { body } = await mask(image);
    expect(body).toMatchObject({ id: 'without-http-1', face_count: 1, masked_count: 1 });
    expect(Buffer.from(image.image).equals(photo)).toBe(true);
    expect(image.answer?.faces).toHaveLength(1);
    expect(await jobOf('without-http-1')).toMatchObject({ id: image.jobId, kind: 'mask', status: 'done' });
  });

  it('has its job stored as failed where it is abandoned while it waits, and leaves no permit taken', async () => {
    const semaphore = service.app.get(InferenceSemaphore);
    const signal = new AbortController().signal;
    const permits = await Promise.all(Array.from({ length: semaphore.limit }, () => semaphore.acquire(signal)));
    const leaving = new AbortController();
    const masked = mask(imageOf('without-http-2', leaving.signal));
    const outcome = expect(masked).rejects.toMatchObject({ code: 'deadline_exceeded' });
    await until(() => semaphore.waiting === 1);
    leaving.abort(new DomainError('deadline_exceeded', 'Nobody waits any more'));
    await outcome;
    expect(semaphore.waiting).toBe(0);
    for (const release of permits) release();
    expect(semaphore.inUse).toBe(0);
    expect(await jobOf('without-http-2')).toMatchObject({ status: 'failed', error_code: 'deadline_exceeded' });
  });
});
