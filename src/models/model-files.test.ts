import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePack, makePackageFolder, sha256Of, withFolder } from '../../test/fixtures/model-packs.ts';
import { listModels, packageModelsFolder, resolveModel } from './model-files.ts';

const pack = makePack({ bytes: 500 });

/** A package folder (with the manifest), and a models folder beside it. */
async function withFolders(body: (modelsFolder: string, packageFolder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const [modelsFolder, packageFolder] = [join(folder, 'models'), join(folder, 'package')];
    await mkdir(modelsFolder);
    await makePackageFolder(packageFolder, [pack.entry]);
    await body(modelsFolder, packageFolder);
  });
}

describe('resolveModel', () => {
  it('finds the embedded model in the repository without any download', async () => {
    expect(await resolveModel('embedded')).toMatchObject({
      name: 'embedded',
      path: join(packageModelsFolder, 'embedded.onnx'),
      license: 'MIT',
    });
  });

  it('finds the bundled model in the package though models are kept elsewhere', async () => {
    await withFolders(async (modelsFolder, packageFolder) => {
      const { path } = await resolveModel('bundled', modelsFolder, packageFolder);
      expect(path).toBe(join(packageFolder, 'bundled.onnx'));
    });
  });

  it('finds a downloaded model by name and by alias', async () => {
    await withFolders(async (modelsFolder, packageFolder) => {
      const path = join(modelsFolder, 'detector.onnx');
      await writeFile(path, pack.model);
      const expected = {
        name: 'detector',
        path,
        sha256: pack.entry.sha256,
        license: 'Noise license',
        source: pack.entry.archives[0]!.url,
        bytes: 500,
      };
      expect(await resolveModel('detector', modelsFolder, packageFolder)).toEqual(expected);
      expect(await resolveModel('det', modelsFolder, packageFolder)).toEqual(expected);
    });
  });

  it('says what to type when a model is absent or damaged', async () => {
    await withFolders(async (modelsFolder, packageFolder) => {
      const command = `face-api models download detector --accept-license --models-folder ${modelsFolder}`;
      const absent = resolveModel('det', modelsFolder, packageFolder);
      await expect(absent).rejects.toThrow(`the model file ${join(modelsFolder, 'detector.onnx')} does not exist`);
      await expect(absent).rejects.toThrow(command);
      await writeFile(join(modelsFolder, 'detector.onnx'), 'damaged');
      const damaged = resolveModel('det', modelsFolder, packageFolder);
      await expect(damaged).rejects.toThrow('is damaged or a different model');
      await expect(damaged).rejects.toThrow(command);
      await writeFile(join(packageFolder, 'bundled.onnx'), 'damaged');
      await expect(resolveModel('bundled', modelsFolder, packageFolder)).rejects.toThrow('git checkout');
    });
  });

  it('takes a path, absolute or relative, and knows the license of a file with a known digest', async () => {
    await withFolders(async (modelsFolder, packageFolder) => {
      const path = join(modelsFolder, 'mine v2.onnx');
      await writeFile(path, 'mine');
      const mine = {
        name: 'mine v2',
        path,
        sha256: sha256Of(Buffer.from('mine')),
        license: 'unknown',
        source: 'your own file',
        bytes: 4,
      };
      expect(await resolveModel(path, modelsFolder, packageFolder)).toEqual(mine);
      expect(await resolveModel(relative('.', path), modelsFolder, packageFolder)).toEqual(mine);
      await writeFile(path, pack.model);
      expect(await resolveModel(path, modelsFolder, packageFolder)).toMatchObject({ license: 'Noise license' });
    });
  });

  it.each(['./nowhere.onnx', 'nowhere.onnx', '/', 'package.json/x.onnx'])('refuses the path %s', async (path) => {
    await expect(resolveModel(path)).rejects.toThrow(
      /the model file .* does not exist: name an existing ONNX file, or one of/,
    );
  });

  it.each(['nix', '', '..', 'a b', 'constructor'])('refuses the name "%s", and lists those it knows', async (name) => {
    await expect(resolveModel(name)).rejects.toThrow(/embedded, scrfd_500m, scrfd_2\.5g, scrfd_10g/);
  });

  it('finds an own file in the models folder by name, and holds it to the recorded digest, if there is one', async () => {
    await withFolders(async (modelsFolder, packageFolder) => {
      const path = join(modelsFolder, 'mine.onnx');
      await writeFile(path, 'mine');
      expect(await resolveModel('mine', modelsFolder, packageFolder)).toMatchObject({ name: 'mine', path });
      await writeFile(`${path}.sha256`, `${sha256Of(Buffer.from('mine'))}  mine.onnx\n`);
      expect(await resolveModel('mine', modelsFolder, packageFolder)).toMatchObject({ name: 'mine', path });
      await writeFile(path, 'changed');
      await expect(resolveModel('mine', modelsFolder, packageFolder)).rejects.toThrow(
        'is damaged or a different model',
      );
    });
  });
});

describe('listModels', () => {
  it('tells in which condition each file is', async () => {
    await withFolders(async (modelsFolder, packageFolder) => {
      const states = async (): Promise<Record<string, string>> =>
        Object.fromEntries((await listModels(modelsFolder, packageFolder)).map(({ name, state }) => [name, state]));
      expect(await states()).toEqual({ bundled: 'installed', detector: 'absent' });
      await writeFile(join(modelsFolder, 'detector.onnx'), 'damaged');
      await writeFile(join(modelsFolder, 'mine.onnx'), 'mine');
      await writeFile(join(modelsFolder, 'notes.txt'), 'not a model');
      expect(await states()).toEqual({ bundled: 'installed', detector: 'damaged', mine: 'unrecorded' });
      await writeFile(join(modelsFolder, 'detector.onnx'), pack.model);
      expect(await states()).toMatchObject({ detector: 'installed' });
    });
  });

  it('needs no models folder', async () => {
    await withFolders(async (modelsFolder, packageFolder) => {
      expect(await listModels(join(modelsFolder, 'absent'), packageFolder)).toHaveLength(2);
    });
  });
});
