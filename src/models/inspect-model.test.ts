import { describe, expect, it } from 'vitest';
import { constantDetector } from '../../test/fixtures/constant-detector.ts';
import { inspectModel } from './inspect-model.ts';

describe('a network whose outputs have the right shapes', () => {
  it('is taken', async () => {
    await expect(inspectModel(constantDetector(0))).resolves.toBeUndefined();
  });

  it.each([NaN, Infinity])('is refused where what it gives is %s', async (value) => {
    await expect(inspectModel(constantDetector(value))).rejects.toThrow(/not finite/);
  });
});
