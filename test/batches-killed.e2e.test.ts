import { createHash, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unzipSync } from 'fflate';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchBody, BatchItemPageBody } from '../src/jobs/api/schemas.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { getObjects, s3Environment, startS3Server, type TestS3Server } from './fixtures/s3-server.ts';
import { StoppablePostgres } from './fixtures/stoppable-postgres.ts';
import { startWebhookReceiver, type WebhookReceiver } from './fixtures/webhook-receiver.ts';
import { bearer, TOKEN } from './support/operator.ts';
import { type ServiceProcess, startServiceProcess, until } from './support/service.ts';

/** TEST_BATCH_ITEMS=2000 is the whole run. */
const ITEMS = Number(process.env['TEST_BATCH_ITEMS'] ?? 60);
const SECONDS_PER_ITEM = 2;
const WEBHOOK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.each(['an archive', 'a folder in S3'])(
  'a batch with results in %s whose workers, database and object store fail',
  (results) => {
    let folder: string;
    let postgres: StoppablePostgres;
    let s3: TestS3Server;
    let receiver: WebhookReceiver;
    let api: ServiceProcess;
    let admin: ServiceProcess;
    let workers: ServiceProcess[];

    const start = (role: string, name: string) =>
      startServiceProcess({
        FACE_API_ROLE: role,
        FACE_API_ADMIN_TOKENS: `robot:${TOKEN}`,
        FACE_API_STORAGE_ENABLED: 'true',
        FACE_API_DATA_FOLDER: join(folder, name),
        FACE_API_MASK_RECALL: 'fast',
        FACE_API_MAX_CONCURRENT_INFERENCE: '1',
        FACE_API_BATCH_S3_OUTPUT_ALLOW: `${s3.settings.bucket}/masked`,
        FACE_API_WEBHOOK_ALLOW: '127.0.0.1',
        FACE_API_WEBHOOK_HTTP: 'true',
        FACE_API_WEBHOOK_SECRET: WEBHOOK_SECRET,
        DATABASE_URL: postgres.url,
        ...s3Environment(s3.settings),
      });

    beforeAll(async () => {
      folder = await makeDataFolder('batches');
      postgres = new StoppablePostgres(join(folder, 'database'));
      await postgres.start();
      s3 = await startS3Server();
      // The worker that makes the first attempt is killed before it has the response; the second attempt fails.
      receiver = await startWebhookReceiver((response, at) => {
        if (at === 0) void killWorkers().then(() => response.destroy());
        else response.writeHead(at === 1 ? 500 : 204).end();
      });
      api = await start('api', 'api');
      admin = await start('admin', 'admin');
      workers = [];
      for (const name of ['one', 'two', 'three']) workers.push(await start('worker', name));
    });
    afterAll(async () => {
      for (const { stop } of [api, admin, ...workers]) await stop();
      await postgres.close();
      await s3.close();
      await receiver.close();
      await rm(folder, { recursive: true });
    });

    /** The last of them; another takes its place. */
    const killWorkers = async () => {
      await workers[2]!.stop();
      workers.push(await start('worker', 'four'));
    };

    const filesOf = async (id: string): Promise<Record<string, Uint8Array>> => {
      const archive = await fetch(`${api.url}/api/v1/jobs/${id}/result`);
      if (results === 'an archive') return unzipSync(new Uint8Array(await archive.arrayBuffer()));
      const objects = await getObjects(s3.settings, 'masked/');
      return Object.fromEntries([...objects].map(([key, bytes]) => [key.slice('masked/'.length), bytes]));
    };

    it(
      'has each result once, never goes backwards, and reports its end',
      { timeout: 120_000 + ITEMS * SECONDS_PER_ITEM * 1000 },
      async () => {
        const photo = await encode(portrait({ width: 240, height: 320 }), 'jpeg');
        // The same picture in other bytes: what comes after a JPEG's end is not looked at.
        const originals = Array.from({ length: ITEMS }, () => Buffer.concat([photo, randomBytes(16)]));
        const form = new FormData();
        form.append('kind', 'mask');
        form.append('webhook', `${receiver.url}/ended`);
        if (results === 'a folder in S3') {
          form.append('output', JSON.stringify({ s3: { bucket: s3.settings.bucket, prefix: 'masked' } }));
        }
        for (const [at, bytes] of originals.entries())
          form.append('file', new Blob([Uint8Array.from(bytes)]), `${at}.jpg`);
        const response = await fetch(`${api.url}/api/v1/jobs`, { method: 'POST', body: form });
        expect(response.status).toBe(202);
        const { id } = (await response.json()) as BatchBody;

        let last = 0;
        const read = async (url: string): Promise<BatchBody | null> => {
          const found = await fetch(url, { headers: bearer });
          // Its database is away.
          if (found.status === 503) return null;
          const batch = (await found.json()) as BatchBody;
          expect(batch.counts.done).toBeGreaterThanOrEqual(last);
          last = batch.counts.done;
          return batch;
        };
        /** As the console shows it, then as the API does. */
        const find = async (): Promise<BatchBody | null> => {
          await read(`${admin.url}/api/v1/admin/batches/${id}`);
          return read(`${api.url}/api/v1/jobs/${id}`);
        };
        const reached = (share: number) =>
          until(
            async () => {
              const batch = await find();
              return batch && batch.counts.done >= ITEMS * share;
            },
            60_000 + ITEMS * SECONDS_PER_ITEM * 1000,
          );

        await reached(0.1);
        await workers[0]!.stop();
        await reached(0.3);
        await postgres.stop();
        await sleep(1000);
        await postgres.start();
        await reached(0.5);
        await workers[1]!.stop();
        await s3.stop();
        await sleep(ITEMS >= 500 ? 10_000 : 2000);
        await s3.start();
        const batch = await until(
          async () => {
            const found = await find();
            return found?.finished_at != null && found;
          },
          60_000 + ITEMS * SECONDS_PER_ITEM * 1000,
        );
        const failed = (await (
          await fetch(`${api.url}/api/v1/jobs/${id}/items?state=failed`)
        ).json()) as BatchItemPageBody;
        expect(failed.rows).toEqual([]);
        expect(batch).toMatchObject({
          state: 'done',
          counts: { total: ITEMS, waiting: 0, done: ITEMS, failed: 0, dead: 0, canceled: 0 },
        });
        const files = await filesOf(id);
        const manifest = Buffer.from(files['manifest.jsonl']!).toString().trim().split('\n');
        expect(manifest).toHaveLength(ITEMS);
        expect(Object.keys(files)).toHaveLength(ITEMS + 1);
        for (const [at, line] of manifest.entries()) {
          const { input_sha256: input, output } = JSON.parse(line) as {
            input_sha256: string;
            output: { file: string; sha256: string };
          };
          expect(input).toBe(sha256(originals[at]!));
          expect(output).toMatchObject({ file: `${at}.jpg`, sha256: sha256(files[`${at}.jpg`]!) });
        }

        await until(() => receiver.received.length === 3, 60_000);
        for (const { path, headers, body } of receiver.received) {
          expect(path).toBe('/ended');
          expect(headers['webhook-id']).toBe(receiver.received[0]!.headers['webhook-id']);
          expect(new Webhook(WEBHOOK_SECRET).verify(body, headers as Record<string, string>)).toMatchObject({
            type: 'batch.done',
            data: { id, state: 'done', counts: { total: ITEMS, done: ITEMS } },
          });
        }
      },
    );
  },
);
