import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createClient as generate } from '@hey-api/openapi-ts';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encode, portrait } from './fixtures/portraits.ts';
import { type Service, startService } from './support/service.ts';

/** Clients as people generate them from openapi.json, called against the running service. */

const OPENAPI = fileURLToPath(new URL('../openapi.json', import.meta.url));
const FOLDER = fileURLToPath(new URL('../artefacts/generated-clients/', import.meta.url));

/** What a user of the client of @hey-api/openapi-ts writes. */
const HEY_API_USER = `
import { createClient } from './hey-api/client/index.js';
import { detect, mask, maskJson, type Detection, type Masked } from './hey-api/index.js';

export async function use(baseUrl: string, auth: string, file: File) {
  const client = createClient({ baseUrl, auth, throwOnError: true });
  const regions = [{ left: 0, top: 0, right: 20, bottom: 20 }, { left: 30, top: 0, right: 50, bottom: 20 }];
  const { data: found } = await detect({ client, body: { file }, query: { threshold: 0.4, landmarks: false }, throwOnError: true });
  const detection: Detection = found;
  const image: Blob = (await mask({ client, body: { file, regions }, query: { method: 'solid' }, throwOnError: true })).data;
  const one: Blob = (await mask({ client, body: { file, regions: [regions[0]!] }, throwOnError: true })).data;
  const base64 = Buffer.from(await file.arrayBuffer()).toString('base64');
  const { data } = await maskJson({ client, body: { image: base64, regions, verify: true }, throwOnError: true });
  const masked: Masked = data;
  return { detection, image, one, masked };
}
`;

/** What a user of the types of openapi-typescript writes, with openapi-fetch. */
const OPENAPI_FETCH_USER = `
import createClient from 'openapi-fetch';
import type { paths } from './openapi-typescript.js';

export async function use(baseUrl: string, key: string, file: File) {
  const client = createClient<paths>({ baseUrl, headers: { 'X-API-Key': key } });
  const asForm = (body: object) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(body)) form.append(name, value);
    return form;
  };
  const found = await client.POST('/api/v1/detect', { params: { query: { landmarks: false } }, body: { file }, bodySerializer: asForm });
  const answer = await client.POST('/api/v1/mask', { body: { file }, bodySerializer: asForm, parseAs: 'blob' });
  const image: Blob = answer.data!;
  const base64 = Buffer.from(await file.arrayBuffer()).toString('base64');
  const { data: masked } = await client.POST('/api/v1/mask/json', { body: { image: base64, method: 'solid' } });
  return { detection: found.data!, image, masked: masked! };
}
`;

const SECRET = 'a-key-of-a-client-0123';
const photo = await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg');
const file = new File([Uint8Array.from(photo)], 'photo.jpg', { type: 'image/jpeg' });
let service: Service;

beforeAll(async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  service = await startService({ FACE_API_API_KEYS: `client:${SECRET}` });
});
afterAll(() => service.close());

describe('a client by @hey-api/openapi-ts', () => {
  beforeAll(async () => {
    await generate({ input: OPENAPI, output: join(FOLDER, 'hey-api'), logs: { level: 'silent' } });
    writeFileSync(join(FOLDER, 'hey-api-user.ts'), HEY_API_USER);
  });

  it('has files, pictures and JSON typed as what they are', () => {
    expect(mistakesOf('hey-api-user.ts')).toEqual([]);
  });

  it('sends a file with its options and a key, and gets JSON and pictures', async () => {
    const { use } = (await import(pathToFileURL(join(FOLDER, 'hey-api-user.ts')).href)) as {
      use: (url: string, key: string, file: File) => Promise<Answers & { one: Blob; masked: { masked_count: number } }>;
    };
    const { detection, image, one, masked } = await use(service.url, SECRET, file);

    expect(detection.face_count).toBe(1);
    expect(detection.faces[0]).not.toHaveProperty('landmarks');
    for (const picture of [image, one]) expect(await startOf(picture)).toBe('ffd8ff');
    expect(masked).toMatchObject({ masked_count: 3, verification: { outcome: 'clean' }, output: { format: 'jpeg' } });
  });
});

describe('a client by openapi-typescript', () => {
  beforeAll(async () => {
    // As its documentation advises for files: the types of the platform are left to the user.
    const types = await openapiTS(pathToFileURL(OPENAPI), {
      transform: ({ format }) =>
        format === 'binary' ? ts.factory.createTypeReferenceNode(ts.factory.createIdentifier('Blob')) : undefined,
    });
    writeFileSync(join(FOLDER, 'openapi-typescript.d.ts'), astToString(types));
    writeFileSync(join(FOLDER, 'openapi-fetch-user.ts'), OPENAPI_FETCH_USER);
  });

  it('has files, pictures and JSON typed as what they are', () => {
    expect(mistakesOf('openapi-fetch-user.ts')).toEqual([]);
  });

  it('sends a file with its options and a key, and gets JSON and pictures', async () => {
    const { use } = (await import(pathToFileURL(join(FOLDER, 'openapi-fetch-user.ts')).href)) as {
      use: (url: string, key: string, file: File) => Promise<Answers>;
    };
    const { detection, image, masked } = await use(service.url, SECRET, file);

    expect(detection.face_count).toBe(1);
    expect(await startOf(image)).toBe('ffd8ff');
    expect(masked).toMatchObject({ masked_count: 1, output: { format: 'jpeg' } });
  });
});

interface Answers {
  readonly detection: { readonly face_count: number; readonly faces: readonly object[] };
  readonly image: Blob;
  readonly masked: object;
}

async function startOf(picture: Blob): Promise<string> {
  return Buffer.from(await picture.arrayBuffer())
    .subarray(0, 3)
    .toString('hex');
}

/** What the TypeScript compiler says of a file and of all that it imports. */
function mistakesOf(name: string): string[] {
  const program = ts.createProgram([join(FOLDER, name)], {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: ['node'],
    strict: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    noEmit: true,
  });
  return ts.getPreEmitDiagnostics(program).map(({ messageText, file, start }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file?.fileName ?? ''}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}
