import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withFolder } from '../../test/fixtures/model-packs.ts';
import { addModel } from './add-model.ts';
import { packageModelsFolder, resolveModel } from './model-files.ts';
import { hasShared, shared } from '../../test/support/shared.ts';

const embedded = join(packageModelsFolder, 'embedded.onnx');

async function withOwnFile(body: (file: string, modelsFolder: string) => Promise<void>): Promise<void> {
  await withFolder((folder) =>
    withFolder(async (modelsFolder) => {
      const file = join(folder, 'mine.onnx');
      await copyFile(embedded, file);
      await body(file, modelsFolder);
    }),
  );
}

describe('add', () => {
  it('copies a detector, records its digest, and makes it loadable by name', async () => {
    await withOwnFile(async (file, modelsFolder) => {
      const added = await addModel(file, modelsFolder);
      expect(added).toMatchObject({ name: 'mine', path: join(modelsFolder, 'mine.onnx') });
      expect(added.known?.name).toBe('embedded');
      expect(await readdir(modelsFolder)).toEqual(['mine.onnx', 'mine.onnx.sha256']);
      expect(await readFile(added.path)).toEqual(await readFile(embedded));
      expect(await resolveModel('mine', modelsFolder)).toMatchObject({ sha256: added.sha256, license: 'MIT' });
      expect(await addModel(file, modelsFolder)).toEqual(added);
    });
  });

  it('refuses what is no ONNX file, and a part of one', async () => {
    await withOwnFile(async (file, modelsFolder) => {
      const whole = await readFile(file);
      for (const content of [Buffer.from('no network'), Buffer.alloc(0), whole.subarray(0, whole.length / 2)]) {
        await writeFile(file, content);
        await expect(addModel(file, modelsFolder)).rejects.toThrow(/not a supported detector: /);
      }
      expect(await readdir(modelsFolder)).toEqual([]);
    });
  });

  it('refuses a file that is not there, a name that is taken, and one that is no name', async () => {
    await withOwnFile(async (file, modelsFolder) => {
      await expect(addModel('nowhere.onnx', modelsFolder)).rejects.toThrow('nowhere.onnx does not exist');
      for (const [name, problem] of [
        ['scrfd_10g.onnx', 'is the name of a supported model'],
        ['det_10g.onnx', 'is the name of a supported model'],
        ['a b.onnx', 'is not a valid model name'],
      ] as const) {
        const renamed = join(file, '..', name);
        await copyFile(file, renamed);
        await expect(addModel(renamed, modelsFolder)).rejects.toThrow(problem);
      }
      await writeFile(join(modelsFolder, 'mine.onnx'), 'another one');
      await expect(addModel(file, modelsFolder)).rejects.toThrow('already exists with different content');
      expect(await readFile(join(modelsFolder, 'mine.onnx'), 'utf8')).toBe('another one');
    });
  });

  describe.skipIf(!hasShared('models'))('with published models', () => {
    it.each([
      'det_500m.onnx',
      'det_2.5g.onnx',
      'scrfd_500m_kps_batched.onnx',
      'scrfd_500m_kps_fixed640.onnx',
      'scrfd_500m_nokps_batched.onnx',
      'yunet_n_dynamic.onnx',
    ])('accepts %s', async (name) => {
      await withFolder(async (modelsFolder) => {
        const added = await addModel(shared('models', name), modelsFolder);
        expect(added.path).toBe(join(modelsFolder, name));
        expect(await resolveModel(basename(name, '.onnx'), modelsFolder)).toMatchObject({ sha256: added.sha256 });
      });
    });
  });
});
