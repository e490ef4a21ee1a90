import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { send, startServiceProcess, until } from './support/service.ts';

const execute = promisify(execFile);

it('a data folder that is packed while the service is stopped comes back whole, as docs/operations.md has it', async () => {
  const folder = await makeDataFolder('backup');
  onTestFinished(() => rm(folder, { recursive: true }));
  const environment = { FACE_API_STORAGE_ENABLED: 'true', FACE_API_DATA_FOLDER: join(folder, 'data') };
  const images = () => globSync(join(folder, 'data/objects/**/*.jpg'));
  const start = async () => {
    const service = await startServiceProcess(environment);
    onTestFinished(service.stop);
    const stop = async () => {
      service.child.kill('SIGTERM');
      expect(await service.ended).toEqual([0, null]);
    };
    return { ...service, stopped: stop };
  };
  const reconcile = async () => {
    const command = ['dist/cli/face-api.js', 'storage', 'reconcile', '--dry-run'];
    return (await execute(process.execPath, command, { env: { PATH: process.env['PATH'], ...environment } })).stdout;
  };
  const first = await start();
  for (let seed = 1; seed <= 3; seed++) await send(first.url, 'mask', await encode(portrait({ seed }), 'jpeg'));
  await until(async () => (await (await fetch(`${first.url}/metrics`)).text()).includes('stored_total 3'));
  await first.stopped();

  await execute('tar', ['--create', '--file', join(folder, 'backup.tar'), '--directory', folder, 'data']);
  await rm(join(folder, 'data'), { recursive: true });
  await execute('tar', ['--extract', '--file', join(folder, 'backup.tar'), '--directory', folder]);

  const second = await start();
  expect(images()).toHaveLength(6);
  expect(await reconcile()).toBe('0 without a record, 0 lost, 0 stuck\n');
  await rm(images()[0]!);
  expect(await reconcile()).toMatch(/\n0 without a record, 1 lost, 0 stuck\n$/);
  await second.stopped();
});
