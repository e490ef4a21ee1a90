import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePack, withFolder } from '../../test/fixtures/model-packs.ts';
import { digestFile } from './digest.ts';
import { archiveFileName, findModel, isBundled, readManifest } from './manifest.ts';
import { packageModelsFolder } from './model-files.ts';

const { entry } = makePack();
const valid = { default: 'detector', models: [entry] };

async function problemOf(manifest: unknown): Promise<string> {
  return withFolder(async (folder) => {
    await writeFile(join(folder, 'manifest.json'), typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
    const error: unknown = await readManifest(folder).catch((reason: unknown) => reason);
    return error instanceof Error ? error.message.replace(folder, '') : 'none';
  });
}

describe('the service’s own manifest', () => {
  it('has the embedded model as its default, with the digest and size of the bundled file', async () => {
    const manifest = await readManifest(packageModelsFolder);
    const model = findModel(manifest, manifest.default)!;
    expect(model.name).toBe('embedded');
    expect(isBundled(model)).toBe(true);
    expect(await digestFile(join(packageModelsFolder, model.file))).toEqual({
      sha256: model.sha256,
      bytes: model.bytes,
    });
  });

  it('lists the published detectors under their names and file names, and wants their license accepted', async () => {
    const manifest = await readManifest(packageModelsFolder);
    const packs = ['det_500m', 'det_2.5g', 'det_10g'].map((alias) => {
      const model = findModel(manifest, alias)!;
      expect(findModel(manifest, model.name)).toBe(model);
      expect(model).toMatchObject({ file: `${alias}.onnx`, mustAcceptLicense: true });
      return model.archives.map(archiveFileName);
    });
    expect(packs).toEqual([
      ['buffalo_sc.zip', 'buffalo_s.zip'],
      ['buffalo_m.zip'],
      ['buffalo_l.zip', 'antelopev2.zip'],
    ]);
  });

  it('lists YuNet as OpenCV Zoo publishes it: the file itself, without an archive', async () => {
    const model = findModel(await readManifest(packageModelsFolder), 'yunet')!;
    expect(model).toMatchObject({ license: 'MIT', mustAcceptLicense: false });
    const { bytes, sha256, file } = model;
    expect(model.archives).toEqual([{ url: expect.stringMatching(new RegExp(`/${file}$`)) as string, bytes, sha256 }]);
  });
});

describe('reading a manifest', () => {
  it('accepts a valid one', async () => {
    expect(await problemOf(valid)).toBe('none');
  });

  it.each([
    ['an unknown default', { ...valid, default: 'other' }, 'default: "other" is not one of the models'],
    ['a digest that is none', { ...valid, models: [{ ...entry, sha256: 'abc' }] }, 'models.0.sha256: takes 64'],
    ['a name that is a path', { ...valid, models: [{ ...entry, name: '../x' }] }, 'models.0.name: takes letters'],
    ['a file elsewhere', { ...valid, models: [{ ...entry, file: '../x.onnx' }] }, 'models.0.file: takes a file name'],
    ['a name used twice', { ...valid, models: [entry, entry] }, 'models: "detector" is used twice'],
    ['a field nobody knows', { ...valid, models: [{ ...entry, sha265: '' }] }, 'sha265'],
    ['no JSON', '{', 'is not valid JSON, correct or restore it'],
  ])('says what is wrong with %s', async (_, manifest, problem) => {
    expect(await problemOf(manifest)).toContain(problem);
  });

  it('says that it is missing', async () => {
    await withFolder(async (folder) => {
      await expect(readManifest(folder)).rejects.toThrow('manifest.json is missing: restore it');
    });
  });

  it('is read as it is written in the repository: valid JSON with no more than the schema', async () => {
    const text = await readFile(join(packageModelsFolder, 'manifest.json'), 'utf8');
    expect(await readManifest(packageModelsFolder)).toEqual(JSON.parse(text));
  });
});
