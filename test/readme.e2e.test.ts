import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encode, portrait } from './fixtures/portraits.ts';
import { type Service, startService } from './support/service.ts';

const run = promisify(execFile);

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
/** Each command of the README that sends a request; one may go on in the next line. */
const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)]
  .flatMap(([, block]) => block!.replaceAll('|\n', '|').split('\n'))
  .filter((line) => line.includes('curl '));

describe('each command of the README that sends a request runs as it stands', () => {
  let folder: string;
  let service: Service;

  beforeAll(async () => {
    service = await startService();
    folder = await mkdtemp(join(tmpdir(), 'face-api-readme-'));
    const face = await encode(portrait({ faceHeight: 300, width: 800, height: 800 }), 'png');
    // As large as a photo of a phone: arguments of commands are limited to 128 KB.
    const noise = sharp(randomBytes(800 * 800 * 3), { raw: { width: 800, height: 800, channels: 3 } });
    const photo = sharp({ create: { width: 800, height: 1600, channels: 3, background: '#888' } }).composite([
      { input: face, left: 0, top: 0 },
      { input: await noise.png().toBuffer(), left: 0, top: 800 },
    ]);
    await writeFile(join(folder, 'photo.jpg'), await photo.jpeg({ quality: 95 }).toBuffer());
  });
  afterAll(async () => {
    await service.close();
    await rm(folder, { recursive: true });
  });

  it('of which there are some', () => {
    expect(commands.length).toBeGreaterThan(7);
  });

  it.each(commands)('%s', async (command) => {
    const { stdout } = await run('bash', ['-c', command.replaceAll('localhost:8000', `127.0.0.1:${service.port}`)], {
      cwd: folder,
      maxBuffer: 1e8,
    });
    const [, output] = / -o (\S+)/.exec(command) ?? [];
    if (output !== undefined) expect((await sharp(join(folder, output)).metadata()).width).toBe(800);
    else expect(stdout).toMatch(/"face_count":1|"status":"ok"|^# HELP|"openapi":"3\.1/m);
  });
});
