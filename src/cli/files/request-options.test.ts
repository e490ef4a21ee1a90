import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { runFaceApi } from '../../../test/fixtures/command-line.ts';
import { detectOptionsSchema } from '../../inference/schemas.ts';
import { maskOptionsSchema } from '../../masking/schemas.ts';
import { addRequestOptions, readRequestOptions } from './request-options.ts';

function parseMask(...args: string[]) {
  const command = new Command().exitOverride();
  addRequestOptions(command, maskOptionsSchema);
  command.parse(args, { from: 'user' });
  return readRequestOptions(command, maskOptionsSchema);
}

describe('the options of a command', () => {
  it.each([
    ['mask', maskOptionsSchema],
    ['detect', detectOptionsSchema],
  ])('are all those of the request: %s', async (name, schema) => {
    const { stdout } = await runFaceApi([name, '--help']);
    for (const option of Object.keys(schema.shape)) {
      expect(stdout).toMatch(new RegExp(`^  --${option.replaceAll('_', '-')}\\b`, 'm'));
    }
  });

  it('have the types of the request', () => {
    const args =
      '--threshold 0.4 --min-face-size 12 --recall max --method solid --color #102030 --no-large-faces --verify';
    const regions = '[{"left":0,"top":1,"right":2.5,"bottom":3,"keep":true}]';
    expect(parseMask(...args.split(' '), '--regions', regions)).toEqual({
      threshold: 0.4,
      min_face_size: 12,
      recall: 'max',
      method: 'solid',
      color: '#102030',
      large_faces: false,
      verify: true,
      regions: [{ left: 0, top: 1, right: 2.5, bottom: 3, keep: true }],
    });
  });

  it('are absent unless given: the configured defaults apply', () => {
    expect(parseMask()).toEqual({});
  });

  it.each([
    [['--threshold', '7'], /--threshold <number>' argument '7' is invalid.*<=1/],
    [['--threshold', 'half'], /--threshold <number>' argument 'half' is invalid/],
    [['--method', 'none'], /Allowed choices are blur, pixelate/],
    [['--regions', '[{"left":1}]'], /\[0\]\.top/],
    [['--method', 'mosaic'], /allow_reversible=true/],
    [['--verify', '--no-detect'], /verify=true cannot be combined/],
    [['--treshold', '0.5'], /Did you mean --threshold\?/],
  ])('are rejected before any work: %j', async (args, message) => {
    const { exitCode, stderr } = await runFaceApi(['mask', 'x.jpg', '--out', 'y', ...args]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/; run: face-api mask --help\n$/);
  });
});
