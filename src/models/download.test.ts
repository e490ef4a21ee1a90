import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  claimSize,
  makeEntry,
  makePack,
  type Pack,
  packName,
  serve,
  serveWithoutRanges,
  withFolder,
  withServer,
} from '../../test/fixtures/model-packs.ts';
import { downloadModel, type DownloadOptions } from './download.ts';
import { ConnectionError } from './fetch-archive.ts';
import type { ModelEntry } from './manifest.ts';
import { ModelError } from './model-error.ts';

const quick = { timeoutMs: 2000, retryDelayMs: 1 };

/** Downloads from a mirror at `from` and gives the error's message; the folder must then be as it was. */
async function refusal(entry: ModelEntry, from: string, options: Partial<DownloadOptions> = {}): Promise<string> {
  return withFolder(async (modelsFolder) => {
    await writeFile(join(modelsFolder, 'detector.onnx'), 'what was installed before');
    const error: unknown = await downloadModel(entry, { modelsFolder, from, ...quick, ...options }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ModelError);
    expect(await readdir(modelsFolder)).toEqual(['detector.onnx']);
    expect(await readFile(join(modelsFolder, 'detector.onnx'), 'utf8')).toBe('what was installed before');
    return (error as ModelError).message;
  });
}

async function expectInstalled(modelsFolder: string, { model }: Pack): Promise<void> {
  expect(await readdir(modelsFolder)).toEqual(['detector.onnx']);
  expect(await readFile(join(modelsFolder, 'detector.onnx'))).toEqual(model);
}

beforeEach(() => {
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) {
    vi.stubEnv(name, '');
    vi.stubEnv(name.toLowerCase(), '');
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('download', () => {
  it('installs the one member, from the address in the manifest, and leaves nothing else', async () => {
    const pack = makePack();
    await withServer(serve(pack.zip), (url) =>
      withFolder(async (modelsFolder) => {
        const entry = makeEntry(pack.model, pack.zip, `${url}/release/${packName}`);
        const progress: [number, number][] = [];
        const onProgress = (received: number, total: number): void => void progress.push([received, total]);
        const path = await downloadModel(entry, { modelsFolder, onProgress, ...quick });
        expect(path).toBe(join(modelsFolder, 'detector.onnx'));
        await expectInstalled(modelsFolder, pack);
        expect(progress.at(-1)).toEqual([pack.zip.length, pack.zip.length]);
      }),
    );
  });

  it('installs a file that is not in an archive', async () => {
    const pack = makePack();
    await withServer(serve(pack.model), (url) =>
      withFolder(async (modelsFolder) => {
        const { bytes, sha256 } = pack.entry;
        const entry = { ...pack.entry, archives: [{ url: `${url}/raw/det.onnx`, bytes, sha256 }] };
        await downloadModel(entry, { modelsFolder, ...quick });
        await expectInstalled(modelsFolder, pack);
      }),
    );
  });

  it('asks nobody when the right file is there, and replaces a wrong one', async () => {
    const pack = makePack();
    await withServer(serve(pack.zip), (from, requests) =>
      withFolder(async (modelsFolder) => {
        await writeFile(join(modelsFolder, 'detector.onnx'), pack.model);
        await downloadModel(pack.entry, { modelsFolder, from, ...quick });
        expect(requests).toHaveLength(0);
        await writeFile(join(modelsFolder, 'detector.onnx'), 'damaged');
        await downloadModel(pack.entry, { modelsFolder, from, ...quick });
        await expectInstalled(modelsFolder, pack);
      }),
    );
  });

  it('takes the archive from a folder, named by path or by file address, without touching it', async () => {
    const pack = makePack();
    await withFolder(async (mirror) => {
      await writeFile(join(mirror, packName), pack.zip);
      for (const from of [mirror, pathToFileURL(mirror).href]) {
        await withFolder(async (modelsFolder) => {
          await downloadModel(pack.entry, { modelsFolder, from });
          await expectInstalled(modelsFolder, pack);
        });
      }
      expect(await readdir(mirror)).toEqual([packName]);
    });
  });

  it('takes the second archive where the first is not there', async () => {
    const pack = makePack();
    const absent = { ...pack.entry.archives[0]!, url: 'http://127.0.0.1:9/absent.zip' };
    const entry = { ...pack.entry, archives: [absent, pack.entry.archives[0]!] };
    const listener: typeof serve = (content) => (request, response) => {
      if (request.url === `/mirror/${packName}`) serve(content)(request, response);
      else response.writeHead(404).end();
    };
    await withServer(listener(pack.zip), (url) =>
      withFolder(async (modelsFolder) => {
        await downloadModel(entry, { modelsFolder, from: `${url}/mirror/`, ...quick });
        await expectInstalled(modelsFolder, pack);
      }),
    );
  });

  it('lets simultaneous downloads of one model all succeed', async () => {
    const pack = makePack({ bytes: 300_000 });
    await withServer(serve(pack.zip, [1000, 70_000, 150_000]), (from) =>
      withFolder(async (modelsFolder) => {
        await Promise.all([1, 2, 3, 4].map(() => downloadModel(pack.entry, { modelsFolder, from, ...quick })));
        await expectInstalled(modelsFolder, pack);
      }),
    );
  });

  it('sends the credentials in the address as Basic authorization, and prints them nowhere', async () => {
    const pack = makePack();
    await withServer(
      (_, response) => response.writeHead(403).end(),
      async (url, requests) => {
        const message = await refusal(pack.entry, url.replace('//', '//me:s%2Fcret@'));
        expect(requests[0]!.headers.authorization).toBe(`Basic ${Buffer.from('me:s/cret').toString('base64')}`);
        expect(message).toContain('status 403');
        expect(message).not.toContain('cret');
      },
    );
  });
});

describe('a connection that breaks', () => {
  it('is continued within one call, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20_000 }),
        fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 3 }),
        fc.boolean(),
        async (bytes, cuts, hasRanges) => {
          const pack = makePack({ bytes });
          const listener = hasRanges ? serve(pack.zip, [...cuts]) : serveWithoutRanges(pack.zip, [...cuts]);
          await withServer(listener, (from) =>
            withFolder(async (modelsFolder) => {
              await downloadModel(pack.entry, { modelsFolder, from, ...quick });
              await expectInstalled(modelsFolder, pack);
            }),
          );
        },
      ),
      { numRuns: 25 },
    );
  });

  it('is given up after four futile attempts, and continued by the next call with a range', async () => {
    const pack = makePack();
    let breakConnection: (() => void) | undefined;
    let calls = 0;
    await withServer(
      (request, response) => {
        calls++;
        if (calls === 1) {
          response.writeHead(200, { 'content-length': pack.zip.length }).write(pack.zip.subarray(0, 10_000));
          breakConnection = () => response.destroy();
        } else if (calls <= 4) request.socket.destroy();
        else serve(pack.zip)(request, response);
      },
      (from, requests) =>
        withFolder(async (modelsFolder) => {
          // Only when all has arrived: what is still on its way is lost with the connection.
          const onProgress = (received: number): void => {
            if (received === 10_000) breakConnection?.();
          };
          const failed = downloadModel(pack.entry, { modelsFolder, from, onProgress, ...quick });
          await expect(failed).rejects.toThrow(ConnectionError);
          await expect(failed).rejects.toThrow(/received 10000 of \d+ bytes, run the same command again to continue/);
          expect(requests).toHaveLength(4);
          expect(await readdir(modelsFolder)).toEqual([expect.stringMatching(/^pack\.zip\.[0-9a-f]{8}\.part$/)]);
          await downloadModel(pack.entry, { modelsFolder, from, ...quick });
          expect(requests[4]!.headers.range).toBe('bytes=10000-');
          await expectInstalled(modelsFolder, pack);
        }),
    );
  });

  it('leaves its part for the next call when it is stopped by a signal', async () => {
    const pack = makePack();
    const stop = new AbortController();
    await withServer(
      (request, response) => {
        if (request.headers.range !== undefined) serve(pack.zip)(request, response);
        else response.writeHead(200, { 'content-length': pack.zip.length }).write(pack.zip.subarray(0, 5000));
      },
      (from, requests) =>
        withFolder(async (modelsFolder) => {
          const onProgress = (received: number): void => {
            if (received === 5000) stop.abort(new ModelError('stopped'));
          };
          const stopped = downloadModel(pack.entry, { modelsFolder, from, onProgress, signal: stop.signal, ...quick });
          await expect(stopped).rejects.toThrow('stopped');
          await downloadModel(pack.entry, { modelsFolder, from, ...quick });
          expect(requests[1]!.headers.range).toBe('bytes=5000-');
          await expectInstalled(modelsFolder, pack);
        }),
    );
  });

  it('takes over the part of a process that died, not of one that may be alive', async () => {
    const pack = makePack();
    const { sha256 } = pack.entry.archives[0]!;
    await withServer(serve(pack.zip), (from, requests) =>
      withFolder(async (modelsFolder) => {
        const dead = join(modelsFolder, `${packName}.${sha256.slice(0, 8)}.dead.part`);
        const alive = `${packName}.${sha256.slice(0, 8)}.alive.part`;
        await writeFile(dead, pack.zip.subarray(0, 7000));
        await utimes(dead, new Date(0), new Date(0));
        await writeFile(join(modelsFolder, alive), pack.zip.subarray(0, 300));
        await downloadModel(pack.entry, { modelsFolder, from, ...quick });
        expect(requests[0]!.headers.range).toBe('bytes=7000-');
        expect(await readdir(modelsFolder)).toEqual(['detector.onnx', alive]);
      }),
    );
  });

  it('starts anew where the server answers 416 or sends another range', async () => {
    const pack = makePack();
    for (const status of [206, 416]) {
      const cuts = [4000];
      await withServer(
        (request, response) => {
          if (request.headers.range === undefined) serve(pack.zip, cuts)(request, response);
          else response.writeHead(status, { 'content-range': `bytes 5-9/${pack.zip.length}` }).end('12345');
        },
        (from) =>
          withFolder(async (modelsFolder) => {
            await downloadModel(pack.entry, { modelsFolder, from, ...quick });
            await expectInstalled(modelsFolder, pack);
          }),
      );
    }
  });
  it('is noticed when the server falls silent, and tried again where the server is busy', async () => {
    const pack = makePack();
    let calls = 0;
    await withServer(
      (request, response) => {
        calls++;
        if (calls === 1) response.writeHead(503).end();
        else if (calls === 2) response.writeHead(200, { 'content-length': pack.zip.length }).write('P');
        else if (calls > 3) serve(pack.zip)(request, response);
      },
      (from) =>
        withFolder(async (modelsFolder) => {
          await downloadModel(pack.entry, { modelsFolder, from, timeoutMs: 200, retryDelayMs: 1 });
          await expectInstalled(modelsFolder, pack);
          expect(calls).toBe(4);
        }),
    );
  });
});

describe('what is refused leaves nothing behind', () => {
  it('an archive with another digest, before it is opened', async () => {
    const pack = makePack();
    const changed = Buffer.from(pack.zip);
    changed[changed.length >> 1]! ^= 1;
    await withServer(serve(changed), async (from) => {
      const message = await refusal(pack.entry, from);
      expect(message).toMatch(/pack\.zip has the SHA-256 [0-9a-f]{64}, the manifest expects [0-9a-f]{64}/);
    });
  });

  it('a model with another digest, or another size, than the manifest says', async () => {
    const pack = makePack();
    await withServer(serve(pack.zip), async (from) => {
      const otherDigest = { ...pack.entry, sha256: '0'.repeat(64) };
      expect(await refusal(otherDigest, from)).toContain('det.onnx has the SHA-256');
      const otherSize = { ...pack.entry, bytes: pack.entry.bytes - 1 };
      expect(await refusal(otherSize, from)).toContain('says it has 50000 bytes, the manifest expects 49999');
    });
  });

  it('a file that is shorter or longer than the archive, told by its header or by its end', async () => {
    const pack = makePack();
    for (const served of [pack.zip.subarray(0, -1000), Buffer.concat([pack.zip, Buffer.alloc(1000)])]) {
      await withServer(serve(served), async (from) => {
        expect(await refusal(pack.entry, from)).toContain(`has ${served.length} bytes, the manifest expects`);
      });
      await withServer(
        (_, response) => response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(served),
        async (from) => {
          expect(await refusal(pack.entry, from)).toMatch(/has (only \d+|more than \d+) bytes, the manifest expects/);
        },
      );
    }
  });

  it.each([
    ['climbs out', '../det.onnx'],
    ['climbs out from below', 'a/../../det.onnx'],
    ['is absolute', '/det.onnx'],
    ['is absolute on Windows', 'C:/det.onnx'],
    ['holds backslashes', '..\\det.onnx'],
  ])('an archive with a member whose path %s', async (_, hostile) => {
    const pack = makePack({ members: (model) => ({ 'det.onnx': model, [hostile]: model }) });
    await withServer(serve(pack.zip), async (from) => {
      expect(await refusal(pack.entry, from)).toMatch(/^the archive was rejected, nothing was installed: (in|ab)/);
      const wantsHostile = { ...pack.entry, archives: [{ ...pack.entry.archives[0]!, member: hostile }] };
      expect(await refusal(wantsHostile, from)).toMatch(/^the archive was rejected/);
    });
  });

  it('a zip bomb, an archive without the model, one of too many members, and what is no zip', async () => {
    const model = Buffer.alloc(1000, 7);
    const bomb = claimSize(Buffer.from(zipSync({ 'det.onnx': Buffer.alloc(5_000_000, 7) })), model.length);
    const crowd = Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`${index}`, new Uint8Array(1)]));
    const archives: [Buffer, RegExp][] = [
      [bomb, /too many bytes in the stream/],
      [Buffer.from(zipSync({ 'another.onnx': model })), /holds det\.onnx 0 times/],
      [Buffer.from(zipSync({ ...crowd, 'det.onnx': model })), /it has 1002 members/],
      [Buffer.from('no zip at all, only text'), /not a zip file/i],
    ];
    for (const [zip, message] of archives) {
      await withServer(serve(zip), async (from) => {
        expect(await refusal(makeEntry(model, zip, `http://127.0.0.1:9/${packName}`), from)).toMatch(message);
      });
    }
  });

  it('a mirror that does not have the archive, and one of an unknown kind', async () => {
    const pack = makePack();
    await withServer(
      (_, response) => response.writeHead(404).end(),
      async (from) => {
        expect(await refusal(pack.entry, from)).toContain('status 404: check the address, or name a mirror');
      },
    );
    await withFolder(async (empty) => {
      expect(await refusal(pack.entry, empty)).toContain(`${join(empty, packName)} does not exist`);
      await mkdir(join(empty, packName));
      await expect(downloadModel(pack.entry, { modelsFolder: empty, from: empty })).rejects.toThrow('EISDIR');
    });
    expect(await refusal(pack.entry, 's3://bucket/models')).toContain('--from takes an http(s) address or a folder');
  });
});

describe('a proxy', () => {
  it('is used for the address, unless NO_PROXY names its host', async () => {
    const pack = makePack();
    await withServer(serve(pack.zip), (origin, originRequests) =>
      withServer(
        (request, response) => {
          // The proxy knows where models.example is; nobody else does.
          const target = new URL(request.url!);
          httpRequest(`${origin}${target.pathname}`, { headers: request.headers }, (answer) => {
            response.writeHead(answer.statusCode!, answer.headers);
            answer.pipe(response);
          }).end();
        },
        async (proxy, proxyRequests) => {
          vi.stubEnv('HTTP_PROXY', proxy);
          vi.stubEnv('http_proxy', proxy);
          await withFolder(async (modelsFolder) => {
            await downloadModel(pack.entry, { modelsFolder, from: 'http://models.example/packs', ...quick });
            await expectInstalled(modelsFolder, pack);
            expect(proxyRequests.map((request) => request.url)).toEqual([`http://models.example/packs/${packName}`]);
          });
          vi.stubEnv('NO_PROXY', '127.0.0.1');
          vi.stubEnv('no_proxy', '127.0.0.1');
          await withFolder(async (modelsFolder) => {
            await downloadModel(pack.entry, { modelsFolder, from: origin, ...quick });
            expect([proxyRequests.length, originRequests.length]).toEqual([1, 2]);
          });
        },
      ),
    );
  });
});
