import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfiguration } from '../src/config/configuration.ts';
import { toDetectSettings } from '../src/inference/detection-body.ts';
import { Detector } from '../src/inference/worker/detector.ts';
import type { MaskTask } from '../src/inference/worker/messages.ts';
import { maskFaces } from '../src/inference/worker/pipeline.ts';
import { toMaskSettings } from '../src/masking/mask-settings.ts';
import { packageModelsFolder } from '../src/models/model-files.ts';
import type { NetworkOutput } from '../src/vision/scrfd.ts';
import { checkDyingWorkers, checkRefusals } from './audit/fail-closed.ts';
import { crowd, encode, portrait, render } from './fixtures/portraits.ts';
import { expectProblem, send, startService } from './support/service.ts';

const CASES = Number(process.env['FACE_API_TEST_DEATHS'] ?? 26);
const image = await render(portrait({ width: 240, height: 300 }));
const folder = await mkdtemp(join(tmpdir(), 'face-api-fail-'));
afterAll(() => rm(folder, { recursive: true }));

describe('when threads die', () => {
  it('in every stage of masking, no answer holds an unmasked pixel', { timeout: 120_000 + CASES * 3000 }, async () => {
    const { findings, stages, failed } = await checkDyingWorkers({ url: '', headers: {}, cases: CASES, folder });

    expect(findings).toMatchObject([{ cases: CASES, counterExamples: 0 }]);
    expect(failed).toBeGreaterThan(CASES / 2);
    const all = ['header', 'decode', 'resize', 'tensor', 'inference', 'select', 'mask', 'verify', 'encode', 'digest'];
    // Threads are numbered as they start: so many deaths take every stage its turn.
    if (CASES >= 100) expect([...stages].sort()).toEqual(all.sort());
    else expect(stages.size).toBeGreaterThan(all.length / 2);
  });
});

describe('when the service cannot finish', () => {
  it('by its deadline, the answer is a problem and no image', async () => {
    const slow = await startService({ FACE_API_REQUEST_TIMEOUT_MS: '100' });
    try {
      const large = await encode(crowd(12, { seed: 2, width: 3000, height: 2000 }), 'jpeg');
      await expectProblem(await send(slow.url, 'mask', large), 504, 'deadline-exceeded');
    } finally {
      await slow.close();
    }
  });

  it('for files cut short and regions that are given twice, the same', async () => {
    const service = await startService();
    try {
      const findings = await checkRefusals({ url: service.url, headers: {}, cases: 20, folder });
      expect(findings).toMatchObject([{ counterExamples: 0 }, { counterExamples: 0 }]);
    } finally {
      await service.close();
    }
  });
});

describe('when the network or the encoder breaks', () => {
  let detector: Detector;
  beforeAll(async () => {
    detector = await Detector.load(`${packageModelsFolder}/embedded.onnx`, 1);
  });

  const configuration = readConfiguration({});
  function task(changes: Partial<MaskTask['mask']> = {}): MaskTask {
    return {
      image,
      detect: toDetectSettings({}, configuration.detection),
      mask: { ...toMaskSettings({}, configuration.masking), ...changes },
      cancel: new Int32Array(new SharedArrayBuffer(4)),
    };
  }

  /** The real network, its outputs changed on their way. */
  function broken(change: (outputs: NetworkOutput[]) => NetworkOutput[]): Detector {
    return {
      kind: detector.kind,
      fixedCanvas: detector.fixedCanvas,
      pace: detector.pace,
      infer: async (...given: Parameters<Detector['infer']>) => change(await detector.infer(...given)),
    } as unknown as Detector;
  }

  const mask = (verifier: Detector, changes?: Partial<MaskTask['mask']>, first: Detector = verifier) =>
    maskFaces(task(changes), { detector: first, second: verifier, maxPixels: 1e6, maxFrames: 1 });

  const everywhere = (value: number) => (outputs: NetworkOutput[]) =>
    outputs.map(({ dims, data }) => ({ dims, data: data.map(() => value) }));

  it.each([
    ['scores that are no numbers', everywhere(NaN)],
    ['infinite boxes', everywhere(Infinity)],
    [
      'one score that is no number',
      (outputs: NetworkOutput[]) => {
        outputs[0]!.data[7] = NaN;
        return outputs;
      },
    ],
    ['outputs that are missing', (outputs: NetworkOutput[]) => outputs.slice(1)],
    [
      'outputs of no length',
      (outputs: NetworkOutput[]) => outputs.map(({ dims }) => ({ dims, data: new Float32Array() })),
    ],
    [
      'outputs for another canvas',
      (outputs: NetworkOutput[]) => outputs.map(({ dims, data }) => ({ dims, data: data.slice(0, data.length / 2) })),
    ],
  ])('%s: there is no answer', async (_, change) => {
    await expect(mask(broken(change))).rejects.toThrow();
    // As the second detector, which searches the masked image, likewise.
    await expect(mask(broken(change), { verify: true }, detector)).rejects.toThrow();
  });

  it('an encoder that fails: there is no answer', async () => {
    await expect(mask(detector, { quality: NaN, format: 'jpeg' })).rejects.toThrow();
  });

  it('a request that nobody waits for: there is none either', async () => {
    const abandoned = task();
    Atomics.store(abandoned.cancel, 0, 1);
    const tools = { detector, second: null, maxPixels: 1e6, maxFrames: 1 };
    await expect(maskFaces(abandoned, tools)).rejects.toThrow('the request has ended');
  });
});
