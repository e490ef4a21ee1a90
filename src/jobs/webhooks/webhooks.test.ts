import type { ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpenedStorage, openStorage } from '../../../test/fixtures/opened-storage.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../../../test/fixtures/webhook-receiver.ts';
import { until } from '../../../test/support/service-process.ts';
import { readConfiguration } from '../../config/configuration.ts';
import { BatchEnds } from '../batch-ends.ts';
import { BatchFeeder } from '../batch-feeder.ts';
import { BatchQueue } from '../batch-queue.ts';
import { settleItem } from '../batch-records.ts';
import { Boss } from '../boss.ts';
import { ListingQueue } from '../listing-queue.ts';
import { S3Output } from '../results/s3-output.ts';
import { AllowedPlaces, WRITING } from '../s3-place.ts';
import { S3Source } from '../sources/s3-source.ts';
import { sqlOf } from '../sql.ts';
import { StoredBatches } from '../stored-batches.ts';
import { WebhookDeliveries } from './webhook-deliveries.ts';
import type { WebhookEvent } from './webhook-event.ts';
import { WebhookGuard } from './webhook-guard.ts';
import type { WebhookQueue } from './webhook-queue.ts';
import type { Delivery } from './webhook-records.ts';
import { WebhookSender } from './webhook-sender.ts';

const OPERATOR = 'operator';
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const ALLOWED = { FACE_API_WEBHOOK_ALLOW: '127.0.0.1', FACE_API_WEBHOOK_HTTP: 'true' };
const UNREADABLE = { code: 'undecodable_image', detail: 'It is cut off' };

describe('the webhook of a batch', () => {
  let storage: OpenedStorage;
  let boss: Boss;
  let queue: WebhookQueue;
  let batches: StoredBatches;
  let sending: WebhookDeliveries | undefined;
  let receiver: WebhookReceiver | undefined;

  beforeEach(async () => {
    storage = await openStorage();
    boss = new Boss(storage.database, true);
    const ends = new BatchEnds(boss);
    queue = ends.webhooks;
    const feeder = new BatchFeeder(new BatchQueue(boss));
    batches = new StoredBatches(storage.database, storage.objects, feeder, {
      ends,
      listings: new ListingQueue(boss),
      source: new S3Source(new AllowedPlaces([], ''), null, 1),
      output: new S3Output(new AllowedPlaces([], '', WRITING), null),
      limits: { maxItems: 100, maxBytes: 1e9 },
    });
  });
  afterEach(async () => {
    await sending?.stop();
    sending = undefined;
    await boss.stop();
    await receiver?.close();
    receiver = undefined;
    await storage.close();
  });

  const receive = async (respond?: (response: ServerResponse, at: number) => void): Promise<WebhookReceiver> => {
    receiver = await startWebhookReceiver(respond);
    return receiver;
  };
  /** @param webhook null: none */
  const create = async (webhook: string | null, files: 'readable' | 'unreadable' = 'readable'): Promise<string> => {
    const intake = await batches.receive(null, 'request');
    for (const name of ['a.jpg', 'b.jpg']) {
      await intake.add(files === 'readable' ? { name, bytes: Buffer.from(name) } : { name, error: UNREADABLE });
    }
    await intake.complete({ kind: 'mask', options: {}, priority: 0, ...(webhook !== null && { webhook }) });
    return intake.id;
  };
  const send = async (environment: Record<string, string> = ALLOWED): Promise<void> => {
    const guard = new WebhookGuard(readConfiguration(environment));
    const sender = new WebhookSender(guard, () => Promise.resolve(SECRET), 5000);
    const events = { attempted: () => undefined, givenUp: () => undefined };
    sending = new WebhookDeliveries(storage.database, queue, sender, events);
    await sending.start();
  };
  const deliveryWhen = (id: string, fits: (delivery: Delivery) => boolean): Promise<Delivery> =>
    until(async () => {
      const [delivery] = await batches.deliveries(id, OPERATOR);
      return delivery && fits(delivery) && delivery;
    }, 30_000);
  const isOver = ({ state }: Delivery) => state !== 'waiting';

  it('is signed as Standard Webhooks specifies, and says what became of the batch', async () => {
    const { url, received } = await receive();
    await send();
    const id = await create(`${url}/hook?token=x`, 'unreadable');
    expect(await deliveryWhen(id, isOver)).toMatchObject({
      state: 'delivered',
      attempts: 1,
      nextAttemptAt: null,
      latest: [{ number: 1, status: 204, error: null }],
    });
    expect(received).toHaveLength(1);
    const { path, headers, body } = received[0]!;
    expect(path).toBe('/hook?token=x');
    const event = new Webhook(SECRET).verify(body, headers as Record<string, string>) as WebhookEvent;
    expect(event).toMatchObject({
      type: 'batch.done',
      data: {
        id,
        kind: 'mask',
        state: 'done',
        counts: { total: 2, done: 0, failed: 2, dead: 0, canceled: 0 },
        result_url: `/api/v1/jobs/${id}/result`,
      },
    });
    expect(new Date(event.timestamp).toISOString()).toBe(event.timestamp);
    expect(() => new Webhook(`${SECRET.slice(0, -4)}AAAA`).verify(body, headers as Record<string, string>)).toThrow();
    expect(() => new Webhook(SECRET).verify(body.replace('done', 'gone'), headers as Record<string, string>)).toThrow();
  });

  it('comes when the batch is canceled, and not before', async () => {
    const { url, received } = await receive();
    await send();
    const id = await create(url);
    expect(await batches.deliveries(id, OPERATOR)).toEqual([]);
    await batches.cancel(id, OPERATOR);
    await deliveryWhen(id, isOver);
    expect(received).toHaveLength(1);
    expect(JSON.parse(received[0]!.body)).toMatchObject({
      type: 'batch.canceled',
      data: { state: 'canceled', counts: { total: 2, canceled: 2 } },
    });
  });

  it('is not lost by a process that is killed right after it ended the batch', async () => {
    const { url, received } = await receive();
    const id = await create(url);
    const sql = sqlOf(await storage.database.ready());
    const done = { state: 'done', outcome: {}, input: { bytes: 1, sha256: '0'.repeat(64) }, result: null } as const;
    expect((await settleItem(sql, { batchId: id, position: 0, attempts: 0 }, done))?.webhookJobId).toBeNull();
    expect((await settleItem(sql, { batchId: id, position: 1, attempts: 0 }, done))?.webhookJobId).toEqual(
      expect.any(String),
    );
    await send();
    await sending!.mend();
    await sql.query(`UPDATE webhook_deliveries SET next_attempt_at = now() - interval '1 minute'`);
    expect(received).toEqual([]);
    await sending!.mend();
    await deliveryWhen(id, isOver);
    expect(received).toHaveLength(1);
  });

  it('is tried again with the same ID where its receiver fails', async () => {
    const { url, received } = await receive((response, at) => {
      if (at === 0) response.writeHead(500).end('out of\u0000 luck');
      else response.writeHead(200).end();
    });
    await send();
    const id = await create(url, 'unreadable');
    const delivery = await deliveryWhen(id, isOver);
    expect(delivery).toMatchObject({ state: 'delivered', attempts: 2 });
    expect(delivery.latest).toMatchObject([
      { number: 2, status: 200, error: null },
      { number: 1, status: 500, error: 'The receiver responded with status 500: out of luck' },
    ]);
    const ids = received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual([delivery.id, delivery.id]);
    for (const { headers, body } of received) new Webhook(SECRET).verify(body, headers as Record<string, string>);
  });

  it('is given up where its receiver says that it is gone, and sent again with the same ID by hand', async () => {
    const { url, received } = await receive((response, at) => response.writeHead(at === 0 ? 410 : 200).end());
    await send();
    const id = await create(url, 'unreadable');
    const failed = await deliveryWhen(id, isOver);
    expect(failed).toMatchObject({ state: 'failed', attempts: 1, nextAttemptAt: null });
    await batches.redeliver(id, failed.id, OPERATOR);
    expect(await deliveryWhen(id, isOver)).toMatchObject({ id: failed.id, state: 'delivered', attempts: 2 });
    expect(new Set(received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([failed.id]));
    await expect(batches.redeliver(id, id, OPERATOR)).rejects.toThrow(/not found/);
  });

  it('is given up after a day', async () => {
    const { url } = await receive((response) => response.writeHead(503).end());
    const id = await create(url, 'unreadable');
    const sql = sqlOf(await storage.database.ready());
    await sql.query(`UPDATE webhook_deliveries SET started_at = now() - interval '24 hours'`);
    await send();
    expect(await deliveryWhen(id, isOver)).toMatchObject({ state: 'failed', attempts: 1 });
  });

  it.each<[what: string, respond: (response: ServerResponse) => void, error: RegExp]>([
    [
      'a redirect, which is not followed',
      (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /^Redirects are not followed \(status 302\)/,
    ],
    [
      'an endless response, which is not read',
      (response) => {
        response.writeHead(500);
        const more = () => response.write('no '.repeat(1000), (error) => error ?? more());
        more();
      },
      /^The receiver responded with status 500: (no )+no?n?$/,
    ],
    ['a broken connection', (response) => response.socket?.destroy(), /^The receiver did not respond/],
  ])('waits for its next attempt after %s', async (_what, respond, error) => {
    const { url } = await receive(respond);
    await send();
    const id = await create(url, 'unreadable');
    const delivery = await deliveryWhen(id, ({ attempts }) => attempts === 1);
    expect(delivery.state).toBe('waiting');
    expect(delivery.nextAttemptAt!.getTime()).toBeGreaterThan(delivery.createdAt.getTime());
    expect(delivery.latest[0]!.error).toMatch(error);
    expect(delivery.latest[0]!.error!.length).toBeLessThan(600);
  });

  it.each([
    ['is no longer allowed', { FACE_API_WEBHOOK_ALLOW: 'example.com' }, /must not connect/],
    ['has no encryption', { FACE_API_WEBHOOK_ALLOW: '127.0.0.1' }, /https/],
    ['would be the only one, since webhooks are off', {}, /webhooks are off/],
  ])('is not sent to a URL that %s', async (_what, environment, error) => {
    const { url, received } = await receive();
    await send(environment);
    const id = await create(url, 'unreadable');
    const delivery = await deliveryWhen(id, ({ attempts }) => attempts === 1);
    expect(delivery).toMatchObject({
      state: 'waiting',
      latest: [{ status: null, error: expect.stringMatching(error) as string }],
    });
    expect(received).toEqual([]);
  });

  it('is recorded only for batches that have one, and deleted with its batch', async () => {
    const sql = sqlOf(await storage.database.ready());
    const rows = async () => (await sql.query('SELECT FROM webhook_deliveries')).rowCount;
    await create(null, 'unreadable');
    expect(await rows()).toBe(0);
    const intake = await batches.receive(null, 'request');
    await intake.add({ name: 'a.jpg', error: UNREADABLE });
    await intake.complete({ kind: 'mask', options: {}, priority: 0, webhook: 'https://example.com' });
    expect(await rows()).toBe(1);
    await intake.abort();
    expect(await rows()).toBe(0);
  });
});
