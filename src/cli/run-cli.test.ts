import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runFaceApi } from '../../test/fixtures/command-line.ts';
import { freePort } from '../../test/fixtures/free-port.ts';
import { VERSION } from '../version.ts';

const GROUPS = ['serve', 'mask', 'detect', 'models', 'storage', 'receipt', 'admin', 'eval', 'audit'];

describe('face-api', () => {
  it('lists its commands and its exit codes', async () => {
    const { exitCode, stdout } = await runFaceApi(['--help']);
    expect(exitCode).toBe(0);
    for (const name of GROUPS) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(stdout).toContain(
      'Exit codes: 0 success, 1 failed or partly failed, 2 invalid command, 3 nothing was checked',
    );
  });

  it.each([...GROUPS, 'models download', 'storage prune', 'receipt verify'])(
    'helps in the same form: %s',
    async (name) => {
      const { exitCode, stdout, stderr } = await runFaceApi([...name.split(' '), '--help']);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^Usage: face-api ${name} `));
      expect(stdout).toContain('Exit codes: 0 success');
    },
  );

  it.each([['models'], ['storage'], ['receipt'], ['admin']])(
    'shows what %s takes where nothing is said',
    async (name) => {
      const { exitCode, stdout, stderr } = await runFaceApi([name]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^Usage: face-api ${name} `));
    },
  );

  it.each([
    [['dance'], /^error: unknown command 'dance'; run: face-api --help\n$/],
    [['model'], /^error: unknown command 'model' \(Did you mean models\?\); run: face-api --help\n$/],
    [
      ['audit', '--cases', 'many'],
      /^error: .*Expected: a whole number from 1 to 1000000; run: face-api audit --help\n$/,
    ],
  ])('tells a wrong command in one line: %j', async (args, line) => {
    const { exitCode, stdout, stderr } = await runFaceApi(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(line);
  });

  it('takes wrong settings for a wrong command', async () => {
    const environment = { FACE_API_STORAGE_ENABLED: 'perhaps' };
    const { exitCode, stderr } = await runFaceApi(['storage', 'migrate'], { environment });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('FACE_API_STORAGE_ENABLED is "perhaps"');
  });

  it('says "not checked", with an exit code of its own, where the audit gets no answer', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'face-api-audit-'));
    const url = `http://127.0.0.1:${await freePort()}`;
    const { exitCode, stdout, stderr } = await runFaceApi(['audit', '--url', url, '--folder', folder]);
    await rm(folder, { recursive: true });
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
    expect(stderr).toMatch(/^error: not checked: http:\S+ does not respond: .*ECONNREFUSED/);
  });

  it('tells its version', async () => {
    expect(await runFaceApi(['--version'])).toEqual({ exitCode: 0, stdout: `${VERSION}\n`, stderr: '' });
  });
});
