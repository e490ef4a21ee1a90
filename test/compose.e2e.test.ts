import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfiguration } from '../src/config/configuration.ts';
import { type Setting, settings } from '../src/config/settings.ts';
import { readKey } from '../src/receipts/receipt-key.ts';
import { parseStages } from './fixtures/image-build.ts';

const execute = promisify(execFile);
const FILE = 'docker/compose.yaml';

interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly networks: readonly string[] | Readonly<Record<string, { readonly ipv4_address?: string }>>;
  readonly restart: string;
  readonly stop_grace_period?: string;
  readonly healthcheck?: object;
  readonly read_only?: boolean;
  readonly deploy?: { readonly resources: { readonly limits: Readonly<Record<string, string | number>> } };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks: Readonly<
    Record<string, { ipam: { config: readonly { readonly subnet: string; readonly ip_range: string }[] } } | null>
  >;
}

const VARIABLE = /\$\{(\w+)(?::-([^}]*))?\}/g;
const allSettings = Object.values(settings).flatMap((slice) => Object.values(slice) as Setting<unknown>[]);

let text: string;
let compose: Compose;
/** What `docker/make-secrets.sh` makes. */
let secretsFolder: string;

beforeAll(async () => {
  text = await readFile(FILE, 'utf8');
  // As the engine reads it where nothing is set, $$ being a $ that is none of its own.
  compose = parse(
    text.replaceAll('$$', '\u0000').replace(VARIABLE, (_, _name, value?: string) => value ?? ''),
    {
      merge: true,
    },
  ) as Compose;
  const folder = await mkdtemp(join(tmpdir(), 'face-api-compose-'));
  await cp('docker/make-secrets.sh', join(folder, 'make-secrets.sh'));
  await execute(join(folder, 'make-secrets.sh'));
  secretsFolder = join(folder, 'secrets');
  return () => rm(folder, { recursive: true });
});

const services = () => Object.entries(compose.services);
const ours = () => ['api', 'admin', 'worker'].map((name) => compose.services[name]!);

describe('docker/compose.yaml', () => {
  it('follows the published schema of compose files, and its linter finds nothing', async () => {
    await execute(process.execPath, ['node_modules/dclint/bin/dclint.cjs', '--config', 'docker/.dclintrc.json', FILE]);
  });

  it('names every image by a version', () => {
    for (const [, { image }] of services()) expect(image).toMatch(/:(v?\d|RELEASE\.\d)/);
  });

  it('opens no port to other machines but those of nginx', () => {
    for (const [name, { ports = [] }] of services()) {
      for (const port of ports)
        expect([name, port]).toEqual([
          name,
          expect.stringMatching(name === 'nginx' ? /^0\.0\.0\.0:/ : /^127\.0\.0\.1:/),
        ]);
    }
  });

  it('bounds what each service that stays may take, and asks each whether it is well', async () => {
    const stages = parseStages(await readFile('docker/Dockerfile', 'utf8'));
    expect(stages.at(-1)!.instructions.map((one) => one.getKeyword())).toContain('HEALTHCHECK');

    for (const [name, service] of services()) {
      // One makes a bucket and ends; the other waits twelve hours at a time.
      if (name === 'bucket' || name === 'certbot') continue;
      expect([name, Object.keys(service.deploy?.resources.limits ?? {})]).toEqual([
        name,
        expect.arrayContaining(['cpus', 'memory']),
      ]);
      if (!ours().includes(service)) expect([name, service.healthcheck]).toEqual([name, expect.any(Object)]);
    }
  });

  it('starts what is needed first, and waits until it is well', () => {
    for (const [name, { depends_on: dependencies = {} }] of services()) {
      for (const [other, { condition }] of Object.entries(dependencies)) {
        expect([name, other, condition]).toEqual([
          name,
          other,
          other === 'bucket' ? 'service_completed_successfully' : 'service_healthy',
        ]);
      }
    }
    for (const service of ours()) expect(Object.keys(service.depends_on!)).toEqual(['bucket', 'postgres']);
  });

  it('gives the service its grace time', () => {
    for (const { stop_grace_period: period } of ours()) {
      expect(Number.parseInt(period!, 10) * 1000).toBeGreaterThan(Number(settings.server.shutdownGraceMs.default));
    }
  });

  it('leaves nginx and what watches the service to profiles', () => {
    const profiled = services().map(([name, { profiles = [] }]) => [name, ...profiles]);

    expect(profiled).toEqual([
      ['api'],
      ['admin'],
      ['worker'],
      ['postgres'],
      ['minio'],
      ['bucket'],
      ['nginx', 'edge'],
      ['certbot', 'edge'],
      ['prometheus', 'monitoring'],
      ['grafana', 'monitoring'],
    ]);
  });

  it('has Prometheus ask the service where it listens', async () => {
    const { scrape_configs: jobs } = parse(await readFile('docker/monitoring/prometheus.yml', 'utf8')) as {
      scrape_configs: { dns_sd_configs: { names: string[]; port: number }[] }[];
    };
    for (const { names, port } of jobs.flatMap(({ dns_sd_configs: configs }) => configs)) {
      for (const name of names)
        expect([name, compose.services[name]?.environment!['FACE_API_PORT']]).toEqual([name, String(port)]);
    }
    expect(jobs).toHaveLength(3);
  });

  it('mounts only what there is: volumes that are declared, files of the repository', () => {
    for (const [, { volumes = [] }] of services()) {
      for (const volume of volumes) {
        const source = volume.split(':')[0]!;
        if (source.startsWith('.')) expect(globSync(join('docker', source))).toHaveLength(1);
        else expect(Object.keys(compose.volumes)).toContain(source);
      }
    }
  });

  it('has the service believe nginx alone about clients, at an address that no other container gets', () => {
    const { subnet, ip_range: range } = compose.networks['front']!.ipam.config[0]!;
    const { ipv4_address: address } = (compose.services['nginx']!.networks as Record<string, { ipv4_address: string }>)[
      'front'
    ]!;

    for (const { environment } of ours()) expect(environment!['FACE_API_TRUSTED_PROXIES']).toBe(address);
    expect([subnet, range]).toEqual([expect.stringMatching(/\.0\/24$/), expect.stringMatching(/\.128\/25$/)]);
    expect(address.startsWith(subnet.slice(0, -'0/24'.length))).toBe(true);
    expect(Number(address.split('.').at(-1))).toBeLessThan(128);
  });

  it('starts the service with settings that it takes', () => {
    for (const { environment } of ours()) {
      const given = Object.entries(environment!).map(
        ([name, value]) => [name, value.replace('/run/secrets', secretsFolder)] as const,
      );
      const configuration = readConfiguration(Object.fromEntries(given));

      expect(configuration.database.url).toMatch(/^postgres:\/\/face_api:[0-9a-f]{48}@postgres:5432\/face_api$/);
      expect(configuration.s3.secretAccessKey).toMatch(/^[0-9a-f]{48}$/);
      expect(configuration.storage.enabled).toBe(true);
    }
  });

  it('says nothing of the service but settings', () => {
    const names = allSettings.flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name]));
    const said = text.match(/\b(FACE_API_\w+|DATABASE_URL(_FILE)?)\b/g)!;

    expect(said.filter((name) => !names.includes(name))).toEqual([]);
  });

  it('reads each secret from a file that the service is given', () => {
    for (const [name, { environment = {}, secrets = [] }] of services()) {
      for (const [variable, value] of Object.entries(environment)) {
        if (!variable.endsWith('_FILE')) continue;
        expect([name, value]).toEqual([name, expect.stringMatching(/^\/run\/secrets\//)]);
        expect(secrets).toContain(value.slice('/run/secrets/'.length));
      }
      const secret = allSettings.filter((setting) => setting.secret).map((setting) => setting.name);
      expect(Object.keys(environment).filter((variable) => secret.includes(variable))).toEqual([]);
    }
  });

  it('gives nginx every variable of its templates', async () => {
    const given = Object.keys(compose.services['nginx']!.environment!);
    const derived = [...(await readFile('docker/nginx/15-limits.envsh', 'utf8')).matchAll(/^(\w+)=/gm)].map(
      ([, name]) => name,
    );
    for (const template of globSync('docker/nginx/templates/**/*.template')) {
      for (const [, name] of (await readFile(template, 'utf8')).matchAll(/\$\{(\w+)\}/g)) {
        expect([...given, ...derived]).toContain(name);
      }
    }
  });
});

describe('docker/compose.env.example', () => {
  it('lists the variables of compose.yaml, with the values that they have where they are not set', async () => {
    const example = await readFile('docker/compose.env.example', 'utf8');
    const listed = Object.fromEntries(
      [...example.matchAll(/^#(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]),
    );
    const used = Object.fromEntries([...text.matchAll(VARIABLE)].map(([, name, value]) => [name!, value ?? '']));
    const passedOn = allSettings.map(({ name }) => name);

    expect(listed).toMatchObject(used);
    expect(Object.keys(listed).filter((name) => !(name in used) && !passedOn.includes(name))).toEqual([]);
  });

  it('agrees with the settings where it repeats their defaults', () => {
    const repeated = [...text.matchAll(VARIABLE)].filter(([, name]) => /MAX_UPLOAD_BYTES|TIMEOUT_MS/.test(name!));
    expect(repeated.length).toBeGreaterThan(0);
    for (const [, name, value] of repeated) {
      expect([name, value]).toEqual([name, allSettings.find((setting) => setting.name === name)!.default]);
    }
  });
});

describe('docker/make-secrets.sh', () => {
  it('makes every secret that compose.yaml names', async () => {
    const files = Object.values(compose.secrets).map(({ file }) => file.replace('./secrets/', ''));

    expect((await readdir(secretsFolder)).sort()).toEqual(files.sort());
    expect(readKey(await readFile(join(secretsFolder, 'receipt_key'), 'utf8')).asymmetricKeyType).toBe('ed25519');
  });

  it('keeps other users out of their folder, and lets the user of the container read them', async () => {
    expect((await stat(secretsFolder)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(secretsFolder)) {
      expect((await stat(join(secretsFolder, name))).mode & 0o777).toBe(0o644);
    }
  });

  it('leaves them as they are when it is run again', async () => {
    const read = async () =>
      Promise.all((await readdir(secretsFolder)).sort().map((name) => readFile(join(secretsFolder, name), 'utf8')));
    const before = await read();
    const { stdout } = await execute(join(secretsFolder, '../make-secrets.sh'));

    expect(stdout).toBe('');
    expect(await read()).toEqual(before);
  });
});
