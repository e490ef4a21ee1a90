import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv, promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { settings } from '../src/config/settings.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { isInstalled } from './fixtures/programs.ts';
import { send, startServiceProcess, until } from './support/service.ts';
import { startEnvironment } from './support/start-environment.ts';

const execute = promisify(execFile);
const UNIT = 'docker/systemd/face-api.service';

const unit = await readFile(UNIT, 'utf8');
const valuesOf = (directive: string) =>
  [...unit.matchAll(new RegExp(`^${directive}=(.*)$`, 'gm'))].map(([, value]) => value!);

describe.runIf(isInstalled('systemd-analyze'))(UNIT, () => {
  it('is a unit in which systemd finds no mistake', async () => {
    // Of the machine that it is looked at on: where Node.js is there.
    const folder = await mkdtemp(join(tmpdir(), 'face-api-unit-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const copy = join(folder, 'face-api.service');
    await execute('sed', ['-e', `s#^ExecStart=/usr/bin/node#ExecStart=${process.execPath}#`, `-ew${copy}`, UNIT]);
    const { stdout, stderr } = await execute('systemd-analyze', ['verify', '--man=no', copy]);

    expect(stdout + stderr).toBe('');
  });

  it('exposes little of the machine: 1.4 of 10, as systemd counts it', async () => {
    const { stdout } = await execute('systemd-analyze', ['security', '--offline=true', '--no-pager', UNIT]);
    const level = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)![1]);

    expect(level).toBeLessThanOrEqual(1.4);
  });
});

describe('the small machine', () => {
  it('starts with exactly the settings of its unit and of small-vm.env, keeps what is sent, and stops in time', async () => {
    const folder = await makeDataFolder('small');
    onTestFinished(() => rm(folder, { recursive: true }));
    const ofUnit = Object.fromEntries(valuesOf('Environment').map((pair) => pair.split('=') as [string, string]));
    const ofFile = parseEnv(await readFile('docker/small-vm.env', 'utf8')) as Record<string, string>;
    expect(ofUnit['FACE_API_DATA_FOLDER']).toBe(`/var/lib/${valuesOf('StateDirectory')[0]!}`);
    const service = await startServiceProcess({
      ...ofUnit,
      ...ofFile,
      FACE_API_DATA_FOLDER: join(folder, 'data'),
      FACE_API_RECEIPT_KEY_FOLDER: join(folder, 'data'),
      FACE_API_STORAGE_ENABLED: 'true',
    });
    onTestFinished(service.stop);
    const metrics = async () => (await fetch(`${service.url}/metrics`)).text();
    const answer = await send(service.url, 'mask', await encode(portrait(), 'jpeg'));

    expect(answer.headers.get('x-masked-count')).toBe('1');
    expect(await metrics()).toMatch(/^face_api_request_slots 8$/m);
    expect(await metrics()).toMatch(/^face_api_inference_permits 1$/m);
    await until(async () => /^face_api_storage_stored_total 1$/m.test(await metrics()));
    service.child.kill('SIGTERM');
    expect(await service.ended).toEqual([0, null]);
  });

  it('sets the allocator as npm start and the image do', async () => {
    const settings = Object.entries(startEnvironment()).map(([name, value]) => `${name}=${value}`);

    expect(settings).toHaveLength(1);
    expect(valuesOf('Environment')).toEqual(expect.arrayContaining(settings));
    const dockerfile = await readFile('docker/Dockerfile', 'utf8');
    for (const setting of settings) expect(dockerfile).toContain(setting);
  });

  it('is given its grace time by systemd, which ends only what is over', () => {
    expect(Number(valuesOf('TimeoutStopSec')[0]) * 1000).toBeGreaterThan(
      Number(settings.server.shutdownGraceMs.default),
    );
    expect(valuesOf('KillMode')).toEqual(['mixed']);
  });

  it('leaves a machine of 4 GB room for everything else', () => {
    expect(Number.parseInt(valuesOf('MemoryMax')[0]!, 10)).toBeLessThanOrEqual(2500);
    expect(valuesOf('MemoryMax')[0]).toMatch(/M$/);
  });
});
