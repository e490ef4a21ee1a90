import { globSync, readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Audit, type Finding, maskedBytes, type MaskQuery } from './audit/check.ts';
import { checkCarriedMetadata, checkMetadata } from './audit/metadata.ts';
import { checkJpeg, checkLossless, REVERSIBLE } from './audit/non-interference.ts';
import { checkCoverage, checkFrames } from './audit/placement.ts';
import { checkStatements } from './audit/statements.ts';
import { checkTiffKinds } from './audit/tiff-kinds.ts';
import { checkTransparency } from './audit/transparency.ts';
import { checkVerification } from './audit/verification.ts';
import { type Service, startService } from './support/service.ts';
import { hasShared, shared } from './support/shared.ts';

/** The audit, in a small run; FACE_API_TEST_CASES=1000 makes it a large one. */
const CASES = Number(process.env['FACE_API_TEST_CASES'] ?? 24);
const TIMEOUT_MS = 60_000 + CASES * 2000;

let service: Service;
let audit: Audit;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'face-api-audit-'));
  service = await startService({ FACE_API_RECEIPT_KEY_FOLDER: folder });
  audit = { url: service.url, headers: {}, cases: CASES, folder };
});
afterAll(() => service.close());

function expectToHold(findings: readonly Finding[]): void {
  expect(findings.filter(({ counterExamples }) => counterExamples > 0)).toEqual([]);
  expect(findings.every(({ cases }) => cases > 0)).toBe(true);
}

describe('no byte of the answer depends on a pixel inside the mask', { timeout: TIMEOUT_MS }, () => {
  it('for lossless sources', async () => {
    expectToHold(await checkLossless(audit));
  });

  it('for JPEG sources of every sampling, whose blocks carry pixels beside the mask', async () => {
    expectToHold(await checkJpeg(audit));
  });

  it('and the check finds what gaussian and mosaic leave', async () => {
    const few = { ...audit, cases: 8 };
    for (const { cases, counterExamples } of await checkLossless(few, REVERSIBLE)) {
      expect(counterExamples).toBeGreaterThan(cases / 2);
    }
  });
});

const PAIRS = shared('images/pairs', '/');

/** Of trellis quantization, and of WebP, docs/masks.md promises less. */
const PROMISED = /^(cjpeg|ff|tiff)-/;

describe.skipIf(!hasShared('images/pairs'))(
  'collected pairs that differ inside a mask alone are answered alike',
  () => {
    it.each(
      globSync(`${PAIRS}*.json`)
        .map((path) => basename(path, '.json'))
        .filter((name) => PROMISED.test(name)),
    )('%s', async (name) => {
      const sent = JSON.parse(readFileSync(`${PAIRS}${name}.json`, 'utf8')) as MaskQuery;
      const options = ['detect', 'regions', 'method', 'format', 'strength'];
      const query = Object.fromEntries(Object.entries(sent).filter(([option]) => options.includes(option)));
      const [one, other] = globSync(`${PAIRS}${name}-[ab].*`).map((file) => readFileSync(file));
      const answer = await maskedBytes(audit, one!, query);
      expect(answer.equals(await maskedBytes(audit, other!, query))).toBe(true);
    });
  },
);

const COLLECTED = ['images/codec', 'images/exif', 'images/hostile'] as const;

describe('an answer holds pixels and nothing else', { timeout: TIMEOUT_MS }, () => {
  it('whatever the image carries', async () => {
    expectToHold(await checkMetadata(audit));
  });

  it('and the values of metadata that are asked for, written anew', async () => {
    expectToHold(await checkCarriedMetadata(audit));
  });

  it.skipIf(!hasShared(...COLLECTED))('for collected images', async () => {
    const files = COLLECTED.flatMap((part) => globSync(shared(part, '*')));
    expect(files.length).toBeGreaterThan(50);
    expectToHold(await checkMetadata(audit, files));
  });
});

describe('masks cover faces', { timeout: TIMEOUT_MS }, () => {
  it('on every frame, and nothing lies under full transparency', async () => {
    expectToHold(await checkFrames(audit));
  });

  it('of images with transparency, whatever shows them', async () => {
    expectToHold(await checkTransparency(audit));
  });

  it('whole, on every frame and without a trace, where verification finds them', async () => {
    expectToHold(await checkVerification(audit));
  });

  it('on what viewers show of every kind of TIFF that is taken', async () => {
    expectToHold(await checkTiffKinds(audit));
  });

  it('of every size, to the last row and column, in every orientation and sampling', async () => {
    expectToHold(await checkCoverage(audit));
  });
});

describe('what answers say of themselves is so', { timeout: TIMEOUT_MS }, () => {
  it('in receipts', async () => {
    expectToHold(await checkStatements(audit));
  });
});
