import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maskedSchema } from '../src/masking/schemas.ts';
import { checkReceipt, publicJwk, type Receipt, signReceipt } from '../src/receipts/receipt.ts';
import { checkedSchema } from '../src/receipts/schemas.ts';
import { runFaceApi } from './fixtures/command-line.ts';
import { portrait, render } from './fixtures/portraits.ts';
import { expectProblem, send, type Service, startService } from './support/service.ts';

const image = await render(portrait({ width: 240, height: 300 }));
const folder = await mkdtemp(join(tmpdir(), 'face-api-receipts-'));

let service: Service;
beforeAll(async () => {
  service = await startService({ FACE_API_RECEIPT_KEY_FOLDER: folder });
});
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true });
});

async function maskWithReceipt(to = service) {
  const response = await send(to.url, 'mask', image, { options: { receipt: true, verify: true } });
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(response.status).toBe(200);
  return { bytes, receipt: response.headers.get('x-mask-receipt')! };
}

async function check(bytes: Buffer, receipt: string, to = service) {
  const form = new FormData();
  form.append('receipt', receipt);
  form.append('file', new Blob([Uint8Array.from(bytes)]), 'masked.png');
  const response = await fetch(`${to.url}/api/v1/receipts/verify`, { method: 'POST', body: form });
  expect(response.status).toBe(200);
  return checkedSchema.parse(await response.json());
}

/** What a receipt of the first version states, but for the images. */
const FIRST_VERSION: Omit<Receipt, 'output_sha256'> = {
  receipt: 1,
  jti: 'request-1',
  iat: 1_764_000_000,
  input_sha256: '',
  output_format: 'png',
  model: { name: 'embedded', sha256: '' },
  boxes: [],
  method: 'blur',
  shape: 'ellipse',
  padding: 0.25,
  strength: 0.5,
  assurance: 'irreversible',
  verification: null,
};

describe('a receipt', () => {
  it('states what was done, and holds for the image that came with it', async () => {
    const { bytes, receipt } = await maskWithReceipt();
    const checked = await check(bytes, receipt);

    expect(checked).toMatchObject({ valid: true, signed: true, image: 'output' });
    expect(checked.receipt).toMatchObject({
      receipt: 1,
      method: 'blur',
      mark: false,
      metadata: {},
      assurance: 'irreversible',
      output_format: 'png',
      model: { name: 'embedded' },
      verification: { outcome: 'clean', model: { name: 'embedded' } },
    });
    expect(checked.receipt!.boxes).toHaveLength(1);
    expect(checked.receipt!.uncertain_count).toBe(0);
    expect(checked.receipt!.search).toEqual({
      smallest_face_px: 3.8,
      looks: [
        { detector: 'main', size: 640, turn: 0, runs: 1 },
        ...[0, 90, 180, 270].map((turn) => ({ detector: 'main', size: 256, turn, runs: 1 })),
      ],
      skipped_looks: [],
    });
    expect(Math.abs(checked.receipt!.iat - Date.now() / 1000)).toBeLessThan(60);
  });

  it('states what there was no time for, and how many faces are uncertain', async () => {
    const options = { receipt: true, latency_budget_ms: 1, threshold: 1, review_threshold: 0.3, mark: true };
    const response = await send(service.url, 'mask', image, { options });
    const receipt = response.headers.get('x-mask-receipt')!;
    const checked = await check(Buffer.from(await response.arrayBuffer()), receipt);
    expect(checked).toMatchObject({ valid: true, receipt: { uncertain_count: 1, mark: true } });
    expect(checked.receipt!.search).toEqual({
      smallest_face_px: 3.8,
      looks: [{ detector: 'main', size: 640, turn: 0, runs: 1 }],
      skipped_looks: [0, 90, 180, 270].map((turn) => ({ detector: 'main', size: 256, turn, runs: 1 })),
    });
  });

  it('holds without what earlier versions did not state', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const keys = [await publicJwk(createPublicKey(privateKey))];
    const receipt = { ...FIRST_VERSION, output_sha256: createHash('sha256').update(image).digest('hex') };
    const text = await signReceipt(receipt, privateKey, keys[0]!.kid);
    expect(await checkReceipt(text, image, keys)).toMatchObject({ signed: true, image: 'output', receipt });
  });

  it('does not hold for an image that was changed, and tells the original', async () => {
    const { bytes, receipt } = await maskWithReceipt();
    bytes[bytes.length - 1]! ^= 1;

    expect(await check(bytes, receipt)).toMatchObject({ valid: false, signed: true, image: 'neither' });
    expect(await check(image, receipt)).toMatchObject({ valid: false, signed: true, image: 'input' });
  });

  it('does not hold where a byte of it was changed, or where it is none', async () => {
    const { bytes, receipt } = await maskWithReceipt();
    const [head, body, signature] = receipt.split('.') as [string, string, string];
    const forged = Buffer.from(Buffer.from(body, 'base64url').toString().replace('"blur"', '"gone"')).toString(
      'base64url',
    );
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');

    for (const text of [`${head}.${forged}.${signature}`, `${unsigned}.${body}.`, 'receipt', `${head}.${body}`]) {
      expect(await check(bytes, text)).toMatchObject({ valid: false, signed: false, receipt: null });
    }
  });

  it('is in the JSON as well, and absent where it was not asked for', async () => {
    const accept = { accept: 'application/json' };
    const asked = await send(service.url, 'mask', image, { options: { receipt: true }, headers: accept });
    const { receipt, output } = maskedSchema.parse(await asked.json());
    expect(await check(Buffer.from(output.image, 'base64'), receipt!)).toMatchObject({ valid: true });

    const other = await send(service.url, 'mask', image, { headers: accept });
    expect(other.headers.get('x-mask-receipt')).toBeNull();
    expect(maskedSchema.parse(await other.json()).receipt).toBeNull();
  });

  it('is asked for by name: without one there is nothing to check', async () => {
    const response = await fetch(`${service.url}/api/v1/receipts/verify`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: Uint8Array.from(image),
    });
    expect((await expectProblem(response, 400, 'invalid-option')).detail).toContain('receipt');
  });
});

describe('the key', () => {
  it('is made once, is readable by its owner alone, and survives a new start', async () => {
    const { bytes, receipt } = await maskWithReceipt();
    expect(await readdir(folder)).toEqual(['receipt-key.pem']);
    expect((await stat(join(folder, 'receipt-key.pem'))).mode & 0o077).toBe(0);

    const again = await startService({ FACE_API_RECEIPT_KEY_FOLDER: folder });
    try {
      expect(await check(bytes, receipt, again)).toMatchObject({ valid: true });
    } finally {
      await again.close();
    }
  });

  it('can be configured, and a receipt of another key does not hold', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const other = await startService({ FACE_API_RECEIPT_KEY: pem.replaceAll('\n', '\\n') });
    try {
      const { bytes, receipt } = await maskWithReceipt(other);
      expect(await check(bytes, receipt, other)).toMatchObject({ valid: true });
      expect(await check(bytes, receipt)).toMatchObject({ valid: false, signed: false });
    } finally {
      await other.close();
    }
  });

  it.each([
    'no key',
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  ])('of another kind ends the start, and is not shown', async (key) => {
    const starting = startService({ FACE_API_RECEIPT_KEY: key });
    await expect(starting).rejects.toThrow(/FACE_API_RECEIPT_KEY/);
    await expect(starting).rejects.not.toThrow(key);
  });

  it('has its public half, and no more, at a well-known address', async () => {
    const response = await fetch(`${service.url}/.well-known/jwks.json`);
    const { keys } = (await response.json()) as { keys: Record<string, string>[] };

    expect(keys).toHaveLength(1);
    expect(Object.keys(keys[0]!).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
  });
});

describe('face-api receipt', () => {
  const run = (...args: string[]) => runFaceApi(['receipt', ...args]);

  it('checks a file, with the keys of a service or of a file', async () => {
    const { bytes, receipt } = await maskWithReceipt();
    const file = join(folder, 'masked.png');
    const keys = join(folder, 'jwks.json');
    await writeFile(file, bytes);
    await writeFile(`${file}.receipt`, `${receipt}\n`);
    await writeFile(keys, await (await fetch(`${service.url}/.well-known/jwks.json`)).text());

    const good = await run('verify', file, '--keys', `${service.url}/.well-known/jwks.json`);
    expect(good).toMatchObject({ exitCode: 0 });
    expect(good.stdout).toContain('"irreversible"');
    expect(await run('verify', file, '--keys', keys, '--receipt', receipt)).toMatchObject({ exitCode: 0 });

    await writeFile(file, Buffer.concat([bytes, await readFile(keys)]));
    expect(await run('verify', file, '--keys', keys)).toMatchObject({ exitCode: 1 });
  });

  it('says how it is called', async () => {
    expect(await run('check')).toMatchObject({ exitCode: 2 });
    expect(await run('verify', join(folder, 'none.png'), '--keys', join(folder, 'none'))).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^error: ENOENT: no such file or directory, .*none'\n$/) as string,
    });
  });
});
