import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Answer, runFaceApi } from '../../test/fixtures/command-line.ts';
import { makePack, makePackageFolder, type Pack, packName, withFolder } from '../../test/fixtures/model-packs.ts';
import { packageModelsFolder } from '../models/model-files.ts';

function run(args: string[], packageFolder = packageModelsFolder): Promise<Answer> {
  return runFaceApi(['models', ...args], { packageFolder });
}

/** A package folder whose manifest lists a model of noise, and a mirror that holds its pack. */
async function withPack(body: (packageFolder: string, mirror: string, pack: Pack) => Promise<void>): Promise<void> {
  const pack = makePack();
  await withFolder((packageFolder) =>
    withFolder(async (mirror) => {
      await makePackageFolder(packageFolder, [pack.entry]);
      await writeFile(join(mirror, packName), pack.zip);
      await body(packageFolder, mirror, pack);
    }),
  );
}

describe('the command line', () => {
  it('lists the models, the embedded one as the default', async () => {
    const { exitCode, stdout } = await run(['list']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^NAME +INSTALLED +SIZE +LICENSE +TERMS\nembedded \(default\) +yes +\d\.\d MB +MIT /);
    expect(stdout).toMatch(/\nyunet .*0\.2 MB +MIT /);
    expect(stdout).toMatch(/\nscrfd_10g .*16\.9 MB.*non-commercial research purposes only\./);
  });

  it('downloads nothing before the license is accepted, and says what to type', async () => {
    await withPack(async (packageFolder, mirror) => {
      const before = await readdir(packageFolder);
      const refused = await run(['download', 'det', '--from', mirror], packageFolder);
      expect(refused).toEqual({
        exitCode: 2,
        stdout: 'detector: Noise license. For tests only.\n',
        stderr: `error: the license is not accepted; run: face-api models download detector --accept-license --models-folder ${packageFolder}, with the same --from\n`,
      });
      expect(await readdir(packageFolder)).toEqual(before);

      const accepted = await run(['download', 'det', '--from', mirror, '--accept-license'], packageFolder);
      expect(accepted.exitCode).toBe(0);
      expect(accepted.stdout).toContain(`installed and verified: ${join(packageFolder, 'detector.onnx')}`);
      expect(accepted.stdout).toContain('to use it: FACE_API_MODEL=detector');
      expect((await run(['list'], packageFolder)).stdout).toMatch(/\ndetector +yes /);
    });
  });

  it('keeps models in the folder that is named, and then says to use the path', async () => {
    await withPack(async (packageFolder, mirror) => {
      const folder = join(mirror, 'new/models');
      const args = ['download', 'detector', '--accept-license', '--from', mirror, '--models-folder', folder];
      const { stdout } = await run(args, packageFolder);
      expect(stdout).toContain(`to use it: FACE_API_MODEL=${join(folder, 'detector.onnx')}`);
      expect(await readdir(folder)).toEqual(['detector.onnx']);
    });
  });

  it('fails in one line when a download is refused', async () => {
    await withPack(async (packageFolder, mirror) => {
      await writeFile(join(mirror, packName), 'another file');
      const args = ['download', 'detector', '--accept-license', '--from', mirror];
      const { exitCode, stderr } = await run(args, packageFolder);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/^error: pack\.zip has the SHA-256 .*\n$/);
      expect(stderr.split('\n')).toHaveLength(2);
    });
  });

  it('verifies all that is installed', async () => {
    await withPack(async (packageFolder, mirror) => {
      await run(['download', 'detector', '--accept-license', '--from', mirror], packageFolder);
      await writeFile(join(packageFolder, 'mine.onnx'), 'mine');
      expect(await run(['verify'], packageFolder)).toEqual({
        exitCode: 0,
        stdout: 'bundled: ok\ndetector: ok\nmine: present, but without a recorded digest; `add` records one\n',
        stderr: '',
      });
      await writeFile(join(packageFolder, 'detector.onnx'), 'damaged');
      const { exitCode, stderr } = await run(['verify'], packageFolder);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(
        /^detector: damaged, .*face-api models download detector --accept-license.*\nerror: detector cannot be used\n$/,
      );
    });
  });

  it('adds a file and says how to use it', async () => {
    await withFolder(async (folder) => {
      const embedded = join(packageModelsFolder, 'embedded.onnx');
      const { exitCode, stderr } = await run(['add', embedded, '--models-folder', folder]);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(await run(['add', 'nowhere.onnx', '--models-folder', folder])).toEqual({
        exitCode: 1,
        stdout: '',
        stderr: 'error: nowhere.onnx does not exist\n',
      });
    });
  });

  it('needs no download for the bundled model', async () => {
    const { exitCode, stdout } = await run(['download', 'embedded']);
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: 'embedded is included in the service: nothing to download\n',
    });
  });

  it.each([
    [['instal'], "unknown command 'instal'"],
    [['download'], "missing required argument 'name'"],
    [['add'], "missing required argument 'file'"],
    [['download', 'nix'], 'unknown model "nix"; available: embedded, scrfd_500m'],
    [['list', 'more'], "too many arguments for 'list'"],
    [['list', '--colour'], "unknown option '--colour'"],
    [['list', '--models-folder'], "option '--models-folder <folder>' argument missing"],
  ])('answers %j with exit code 2 and where help is', async (args, problem) => {
    const { exitCode, stdout, stderr } = await run(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(problem);
    expect(stderr).toMatch(/^error: .*; run: face-api models( \w+)? --help\n$/);
  });
});
