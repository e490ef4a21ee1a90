import { describe, expect, it } from 'vitest';
import { constantDetector, constantYunet } from '../../test/fixtures/constant-detector.ts';
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
