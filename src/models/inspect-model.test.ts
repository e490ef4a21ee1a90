import { describe, expect, it } from 'vitest';
import { constantDetector, constantStranger, constantYunet } from '../../test/fixtures/constant-detector.ts';
import { inspectModel } from './inspect-model.ts';

describe.each([
  ['SCRFD', constantDetector],
  ['YuNet', constantYunet],
])('a network whose outputs have the shapes of %s', (_, network) => {
  it('is taken', async () => {
    await expect(inspectModel(network(0))).resolves.toBeUndefined();
  });

  it.each([NaN, Infinity])('is refused where what it gives is %s', async (value) => {
    await expect(inspectModel(network(value))).rejects.toThrow(/not finite/);
  });
});

describe('a network of another kind', () => {
  it('is refused with the shapes of its outputs', async () => {
    await expect(inspectModel(constantStranger())).rejects.toThrow(
      'its outputs for 32×32 pixels are [16, 1] [4, 1] [1, 1] [16, 5] [4, 5] [1, 5]',
    );
  });
});
