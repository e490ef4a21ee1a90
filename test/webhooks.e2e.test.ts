import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminBatchDetailBody } from '../src/admin/batches/schemas.ts';
import type { AuditPage } from '../src/admin/kept/schemas.ts';
import type { BatchBody } from '../src/jobs/api/schemas.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { isInstalled } from './fixtures/programs.ts';
import { type ReceivedWebhook, startWebhookReceiver, type WebhookReceiver } from './fixtures/webhook-receiver.ts';
import { ADMIN_ENVIRONMENT, asAdmin, readJson } from './support/admin-client.ts';
import { expectProblem, type Service, startService, until } from './support/service.ts';

const photo = await encode(portrait({ width: 240, height: 320 }), 'jpeg');
const docs = await readFile(new URL('../docs/webhooks.md', import.meta.url), 'utf8');

/** The example in the documentation */
function example(language: string): string {
  return docs.split(`\`\`\`${language}\n`)[1]!.split('```')[0]!;
}

describe('the webhook of a batch', () => {
  let folder: string;
  let receiver: WebhookReceiver;
  let service: Service;

  beforeAll(async () => {
    folder = await makeDataFolder('webhooks');
    receiver = await startWebhookReceiver();
    service = await startService({
      ...ADMIN_ENVIRONMENT,
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      FACE_API_MASK_RECALL: 'fast',
      FACE_API_WEBHOOK_ALLOW: '127.0.0.1, hooks.invalid',
      FACE_API_WEBHOOK_HTTP: 'true',
    });
  });
  afterAll(async () => {
    await service.close();
    await receiver.close();
    await rm(folder, { recursive: true });
  });

  const send = (webhook: string, to = service) => {
    const form = new FormData();
    form.append('file', new Blob([Uint8Array.from(photo)]), 'a.jpg');
    form.append('kind', 'mask');
    form.append('webhook', webhook);
    return fetch(`${to.url}/api/v1/jobs`, { method: 'POST', body: form });
  };
  const receivedOf = (id: string) => receiver.received.filter(({ body }) => body.includes(id));
  const deliver = async (): Promise<{ batch: BatchBody; webhook: ReceivedWebhook }> => {
    const response = await send(`${receiver.url}/ended`);
    expect(response.status).toBe(202);
    const batch = (await response.json()) as BatchBody;
    return { batch, webhook: await until(() => receivedOf(batch.id)[0], 60_000) };
  };

  it('is sent when the batch has ended, and is seen in the console', async () => {
    const { batch, webhook } = await deliver();
    expect(batch.webhook).toBe(`${receiver.url}/ended`);
    expect(JSON.parse(webhook.body)).toMatchObject({ type: 'batch.done', data: { id: batch.id, counts: { done: 1 } } });
    const detail = await until(async () => {
      const found = await readJson<AdminBatchDetailBody>(asAdmin(service, `/batches/${batch.id}`));
      return found.deliveries[0]?.state === 'delivered' && found;
    });
    expect(detail).toMatchObject({
      webhook: batch.webhook,
      deliveries: [
        {
          id: webhook.headers['webhook-id'],
          batch_state: 'done',
          attempts: 1,
          next_attempt_at: null,
          latest_attempts: [{ number: 1, status: 204, error: null }],
        },
      ],
    });
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toMatch(/^face_api_webhook_attempts_total\{outcome="delivered"\} [1-9]/m);
  });

  it('is sent again by an operator, with the same ID and a record in the audit log', async () => {
    const { batch, webhook } = await deliver();
    const id = String(webhook.headers['webhook-id']);
    const again = (of: string) =>
      asAdmin(service, `/batches/${batch.id}/webhooks/${of}/redelivery`, { method: 'POST' });
    expect((await again(id)).status).toBe(202);
    const [, second] = await until(() => receivedOf(batch.id).length === 2 && receivedOf(batch.id));
    expect(second!.headers['webhook-id']).toBe(id);
    const { rows } = await readJson<AuditPage>(asAdmin(service, '/audit?limit=1'));
    expect(rows).toMatchObject([{ action: 'redeliver', subject: batch.id, counts: { webhooks: 1 } }]);
    await expectProblem(await again(batch.id), 404, 'not-found');
  });

  describe.each([
    [
      'Node',
      'js',
      'node',
      (code: string) =>
        [
          '--input-type=module',
          '-e',
          `${code}
           const [secret, headers, body] = process.argv.slice(1);
           process.stdout.write(JSON.stringify(verify(secret, JSON.parse(headers), body)));`,
        ] as const,
    ],
    [
      'Python',
      'python',
      'python3',
      (code: string) =>
        [
          '-c',
          `${code}
import sys
print(json.dumps(verify(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3].encode())))`,
        ] as const,
    ],
  ])('is verified by the documented lines of %s', (_name, language, program, toArguments) => {
    const verify = async (secret: string, { headers, body }: ReceivedWebhook) => {
      const command = program === 'node' ? process.execPath : program;
      const args = [...toArguments(example(language)), secret, JSON.stringify(headers), body];
      return JSON.parse((await promisify(execFile)(command, args)).stdout) as unknown;
    };

    it.skipIf(program !== 'node' && !isInstalled(program))('with the secret in the data folder alone', async () => {
      const { webhook } = await deliver();
      const secret = await readFile(join(folder, 'webhook.secret'), 'utf8');
      expect(await verify(secret, webhook)).toEqual(JSON.parse(webhook.body));
      await expect(verify(secret, { ...webhook, body: webhook.body.replace('done', 'gone') })).rejects.toThrow();
      await expect(verify('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', webhook)).rejects.toThrow();
    });
  });

  it.each([
    ['an address that is not allowed', 'http://127.0.0.2/', 403, 'url-not-allowed', /webhook: .*must not connect/],
    ['the address of cloud credentials', 'http://169.254.169.254/', 403, 'url-not-allowed', /must not connect/],
    ['a host that cannot be found', 'https://hooks.invalid/', 422, 'fetch-failed', /webhook: .*cannot be found/],
    ['no URL', 'hooks', 400, 'invalid-request', /webhook: expected: a URL/],
    ['another scheme', 'ftp://127.0.0.1/', 400, 'invalid-request', /webhook: expected: a URL/],
  ])('is rejected with its batch for %s', async (_what, webhook, status, type, detail) => {
    expect((await expectProblem(await send(webhook), status, type)).detail).toMatch(detail);
  });

  it.each([
    ['http that is not allowed', { FACE_API_WEBHOOK_ALLOW: '127.0.0.1' }, 400, 'invalid-option', /only https/],
    ['webhooks that are off', {}, 403, 'url-not-allowed', /webhooks are off \(FACE_API_WEBHOOK_ALLOW\)/],
  ])('is rejected with its batch for %s', async (_what, environment, status, type, detail) => {
    const data = await makeDataFolder('webhooks');
    const other = await startService({
      ...environment,
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: data,
    });
    try {
      expect((await expectProblem(await send(receiver.url, other), status, type)).detail).toMatch(detail);
    } finally {
      await other.close();
      await rm(data, { recursive: true });
    }
  });
});

describe('a wrong setting of webhooks', () => {
  it.each([
    ['FACE_API_WEBHOOK_ALLOW', '0.0.0.0/0', /FACE_API_WEBHOOK_ALLOW: 0\.0\.0\.0\/0 is too large/],
    ['FACE_API_WEBHOOK_SECRET', 'whsec_c2hvcnQ=', /FACE_API_WEBHOOK_SECRET is a value that is not shown/],
  ])('is named at the start: %s', async (name, value, message) => {
    await expect(startService({ [name]: value })).rejects.toThrow(message);
  });
});
