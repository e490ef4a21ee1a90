/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access,
   @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-argument --
   manifests are JSON from another program; that they have the shape that Kubernetes wants is what is tested */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Ajv } from 'ajv';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { Job } from 'kubernetes-models/batch/v1';
import { Ingress, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Secret, Service, ServiceAccount } from 'kubernetes-models/v1';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { portOf, readConfiguration } from '../src/config/configuration.ts';
import { type Setting, settings } from '../src/config/settings.ts';
import { jsonBodyLimit } from '../src/http/bodies.ts';
import { isInstalled } from './fixtures/programs.ts';

/** The chart, rendered by Go's own templates (test/fixtures/helm-template), for values that leave much out, or nothing. */

const execute = promisify(execFile);
const CHART = 'docker/chart';
const VALUES = {
  default: undefined,
  minimal: 'test/fixtures/chart/minimal.yaml',
  full: 'test/fixtures/chart/full.yaml',
};
const FULL = await readFile(VALUES.full, 'utf8');

/** The classes that know what the Kubernetes API takes, and where their types are. */
const KINDS = {
  Deployment: [Deployment, 'apps/v1'],
  HorizontalPodAutoscaler: [HorizontalPodAutoscaler, 'autoscaling/v2'],
  Ingress: [Ingress, 'networking.k8s.io/v1'],
  Job: [Job, 'batch/v1'],
  NetworkPolicy: [NetworkPolicy, 'networking.k8s.io/v1'],
  PodDisruptionBudget: [PodDisruptionBudget, 'policy/v1'],
  Secret: [Secret, 'v1'],
  Service: [Service, 'v1'],
  ServiceAccount: [ServiceAccount, 'v1'],
} as const;

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: never;
  readonly stringData?: Readonly<Record<string, string>>;
}

let helmTemplate: string;

beforeAll(async () => {
  if (!isInstalled('go')) return;
  const folder = await mkdtemp(join(tmpdir(), 'face-api-chart-'));
  helmTemplate = join(folder, 'helm-template');
  await execute('go', ['build', '-o', helmTemplate, '.'], {
    cwd: 'test/fixtures/helm-template',
    env: {
      ...process.env,
      GO111MODULE: 'off',
      GOPATH: '/usr/share/gocode',
      GOCACHE: join(folder, 'cache'),
      GOFLAGS: '',
    },
  });
  return () => rm(folder, { recursive: true });
});

async function render(file?: string): Promise<Manifest[]> {
  const { stdout } = await execute(helmTemplate, [CHART, 'face-api', ...(file === undefined ? [] : [file])]);
  const [, ...sources] = stdout.split(/^---\n# Source: /m);
  return sources
    .filter((source) => !source.startsWith('NOTES.txt'))
    .flatMap((source) =>
      parseAllDocuments(source.slice(source.indexOf('\n'))).flatMap((document) => {
        expect(document.errors).toEqual([]);
        return document.toJS() === null ? [] : [document.toJS() as Manifest];
      }),
    );
}

async function renderText(yaml: string): Promise<Manifest[]> {
  const folder = await mkdtemp(join(tmpdir(), 'face-api-values-'));
  try {
    await writeFile(join(folder, 'values.yaml'), yaml);
    return await render(join(folder, 'values.yaml'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const namesOf = (manifests: readonly Manifest[]) =>
  manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort();

/** What a test looks at is known to be there once the manifest is known to be what Kubernetes takes. */
function find(manifests: readonly Manifest[], name: string): any {
  const found = manifests.find(({ kind, metadata }) => `${kind}/${metadata.name}` === name);
  if (!found) throw new Error(`there is no ${name}, only ${namesOf(manifests).join(', ')}`);
  return found;
}

describe('values.schema.json', () => {
  const validate = async (values: unknown) => {
    const ajv = new Ajv({ allErrors: true });
    const check = ajv.compile(JSON.parse(await readFile(join(CHART, 'values.schema.json'), 'utf8')) as object);
    return check(values) ? [] : check.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
  const defaults = async () => parse(await readFile(join(CHART, 'values.yaml'), 'utf8')) as Record<string, object>;

  it('takes the values of the chart, and those of the tests over them', async () => {
    const given = parse(FULL) as Record<string, object>;
    const values = await defaults();
    expect(await validate(values)).toEqual([]);
    for (const [key, value] of Object.entries(given)) {
      values[key] = typeof value === 'object' ? { ...values[key], ...value } : value;
    }
    values['api'] = { ...(await defaults())['api'], ...given['api'] };

    expect(await validate(values)).toEqual([]);
  });

  it.each([
    ['a name that the chart does not know', { replicas: 3 }],
    [
      'a setting that is a number, of which Helm would make 2.097152e+07',
      { settings: { FACE_API_MAX_UPLOAD_BYTES: 20971520 } },
    ],
    ['the role as a setting', { settings: { FACE_API_ROLE: 'all' } }],
    ['a secret without a value', { secrets: { DATABASE_URL: {} } }],
    ['a secret whose key is not named', { secrets: { DATABASE_URL: { name: 'database' } } }],
  ])('refuses %s', async (_, wrong) => {
    expect(await validate({ ...(await defaults()), ...wrong })).not.toEqual([]);
  });
});

describe.runIf(isInstalled('go'))('the chart', () => {
  it('is made of what its values ask for', async () => {
    const roles = (...names: string[]) =>
      names.flatMap((name) => [`Deployment/face-api-${name}`, `Service/face-api-${name}`]);

    expect(namesOf(await render(VALUES.minimal))).toEqual([...roles('api'), 'ServiceAccount/face-api'].sort());
    expect(namesOf(await render())).toEqual(
      [
        ...roles('api', 'admin'),
        'NetworkPolicy/face-api',
        'PodDisruptionBudget/face-api-api',
        'ServiceAccount/face-api',
      ].sort(),
    );
    expect(namesOf(await render(VALUES.full))).toEqual(
      [
        ...roles('api', 'admin', 'worker'),
        'HorizontalPodAutoscaler/face-api-api',
        'Ingress/face-api',
        'Job/face-api-migrations',
        'NetworkPolicy/face-api',
        'PodDisruptionBudget/face-api-api',
        'Secret/face-api',
        'Secret/face-api-migrations',
        'ServiceAccount/face-api',
        'ServiceMonitor/face-api',
      ].sort(),
    );
  });

  it.each(Object.entries(VALUES))(
    'is what the Kubernetes API takes, with no field that it does not know: %s',
    async (_, file) => {
      const manifests = (await render(file)).filter(({ kind }) => kind !== 'ServiceMonitor');
      for (const manifest of manifests) {
        const [Kind, group] = KINDS[manifest.kind as keyof typeof KINDS];
        expect(manifest.apiVersion).toBe(group);
        new (Kind as new (data: never) => { validate(): void })(manifest as never).validate();
      }

      expect(unknownFields(manifests)).toEqual([]);
    },
    120_000,
  );

  it('knows a field that Kubernetes does not', async () => {
    const [deployment] = (await render(VALUES.minimal)).filter(({ kind }) => kind === 'Deployment');
    const wrong = structuredClone(deployment) as any;
    wrong.spec.template.spec.containers[0].livenessProb = {};

    expect(unknownFields([wrong as Manifest])).toEqual([expect.stringContaining('livenessProb')]);
  }, 120_000);

  it('drains pods for as long as the service takes to stop, after it has waited for the last requests', async () => {
    const podOf = async (file?: string) => find(await render(file), 'Deployment/face-api-api').spec.template.spec;
    const byDefault = await podOf();
    const byFull = await podOf(VALUES.full);

    expect(byDefault.terminationGracePeriodSeconds).toBe(
      5 + Number(settings.server.shutdownGraceMs.default) / 1000 + 5,
    );
    expect(byDefault.containers[0].lifecycle.preStop.exec.command).toEqual(['sleep', '5']);
    expect(byFull.terminationGracePeriodSeconds).toBe(10 + 45 + 5);
    expect(byFull.containers[0].lifecycle.preStop.exec.command).toEqual(['sleep', '10']);
  });

  it('asks live and ready of the port on which the role listens, which its service leads to', async () => {
    const manifests = await render();
    for (const [role, port] of [
      ['api', 8000],
      ['admin', 4321],
    ] as const) {
      const [container] = find(manifests, `Deployment/face-api-${role}`).spec.template.spec.containers;
      const environment = Object.fromEntries(
        container.env.map(({ name, value }: Record<string, string>) => [name, value]),
      );

      expect(portOf(readConfiguration(environment).server)).toBe(port);
      expect(container.ports).toEqual([{ name: 'http', containerPort: port }]);
      expect(container.startupProbe.httpGet).toEqual({ path: '/health/live', port: 'http' });
      expect(container.livenessProbe.httpGet).toEqual({ path: '/health/live', port: 'http' });
      expect(container.readinessProbe.httpGet).toEqual({ path: '/health/ready', port: 'http' });
      expect(find(manifests, `Service/face-api-${role}`).spec.ports).toEqual([
        { name: 'http', port, targetPort: 'http' },
      ]);
    }
  });

  it('lets a pod do nothing but its work', async () => {
    for (const name of ['Deployment/face-api-api', 'Deployment/face-api-admin', 'Job/face-api-migrations']) {
      const pod = find(await render(VALUES.full), name).spec.template.spec;

      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 10001,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(pod.automountServiceAccountToken).toBe(false);
      expect(pod.containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it('gives the service settings that it takes, and each secret as a file, wherever it comes from', async () => {
    const manifests = await render(VALUES.full);
    const made = find(manifests, 'Secret/face-api').stringData as Record<string, string>;
    const pod = find(manifests, 'Deployment/face-api-api').spec.template.spec;
    const sources = pod.volumes
      .find(({ name }: { name: string }) => name === 'secrets')
      .projected.sources.map(({ secret }: { secret: { name: string; items: { key: string; path: string }[] } }) => [
        secret.items[0]!.path,
        secret.name,
        secret.items[0]!.key,
      ]);
    const environment = Object.fromEntries(
      pod.containers[0].env.map(({ name, value }: Record<string, string>) => [name, value]),
    ) as Record<string, string>;

    expect(sources.sort()).toEqual([
      ['DATABASE_URL', 'face-api', 'DATABASE_URL'],
      ['FACE_API_ADMIN_PASSWORD_HASH', 'console', 'hash'],
      ['FACE_API_API_KEYS', 'face-api', 'FACE_API_API_KEYS'],
      ['FACE_API_RECEIPT_KEY', 'receipts', 'key.pem'],
      ['FACE_API_S3_SECRET_ACCESS_KEY', 'storage', 'secret-access-key'],
    ]);
    expect(Object.keys(made).sort()).toEqual(['DATABASE_URL', 'FACE_API_API_KEYS']);
    expect(environment['FACE_API_REQUESTS_PER_MINUTE']).toBe('600');
    expect(environment['FACE_API_MAX_UPLOAD_BYTES']).toBe('20971520');
    for (const [path] of sources as string[][])
      expect(environment[`${path}_FILE`]).toBe(`/run/secrets/face-api/${path}`);
    const withoutFiles = Object.entries(environment).filter(([name]) => !name.endsWith('_FILE'));
    expect(readConfiguration(Object.fromEntries(withoutFiles)).storage.enabled).toBe(true);
  });

  it('takes any setting there is, for both roles or for one', async () => {
    const all = Object.values(settings).flatMap((slice) => Object.values(slice) as Setting<unknown>[]);
    const plain = all.filter(({ secret, name }) => !secret && !/_(ROLE|PORT|STORAGE_ENABLED)$/.test(name));
    const secret = all.filter((setting) => setting.secret);
    const manifests = await renderText(
      JSON.stringify({
        settings: Object.fromEntries(plain.map(({ name, default: value }) => [name, value])),
        secrets: Object.fromEntries(secret.map(({ name }) => [name, { name: 'a-secret', key: 'a-key' }])),
        admin: { settings: { FACE_API_LOG_LEVEL: 'debug' } },
      }),
    );
    const environmentOf = (role: string) => {
      const [container] = find(manifests, `Deployment/face-api-${role}`).spec.template.spec.containers;
      return Object.fromEntries(
        container.env.map(({ name, value }: Record<string, string>) => [name, value]),
      ) as Record<string, string>;
    };
    const given = environmentOf('api');

    for (const { name, default: value } of plain) expect([name, given[name]]).toEqual([name, value]);
    for (const { name } of secret) expect(given[`${name}_FILE`]).toBe(`/run/secrets/face-api/${name}`);
    expect([given['FACE_API_LOG_LEVEL'], environmentOf('admin')['FACE_API_LOG_LEVEL']]).toEqual(['info', 'debug']);
  });

  it('brings the database up to date before it replaces anything, with the address alone', async () => {
    const manifests = await render(VALUES.full);
    const job = find(manifests, 'Job/face-api-migrations');
    const secret = find(manifests, 'Secret/face-api-migrations');
    const [container] = job.spec.template.spec.containers;

    expect(container.command).toEqual(['node', 'dist/cli/face-api.js', 'storage', 'migrate']);
    expect(container.env).toEqual([{ name: 'DATABASE_URL_FILE', value: '/run/secrets/face-api/DATABASE_URL' }]);
    expect(Object.keys(secret.stringData as object)).toEqual(['DATABASE_URL']);
    for (const { metadata } of [job, secret])
      expect(metadata.annotations['helm.sh/hook']).toBe('pre-install,pre-upgrade');
    expect(Number(secret.metadata.annotations['helm.sh/hook-weight'])).toBeLessThan(
      Number(job.metadata.annotations['helm.sh/hook-weight']),
    );
  });

  it('scales on CPU, and on requests in flight where asked to', async () => {
    const { metrics } = find(await render(VALUES.full), 'HorizontalPodAutoscaler/face-api-api').spec;

    expect(metrics).toEqual([
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
      {
        type: 'Pods',
        pods: { metric: { name: 'face_api_requests_in_flight' }, target: { type: 'AverageValue', averageValue: '6' } },
      },
    ]);
    expect(find(await render(VALUES.full), 'Deployment/face-api-api').spec).not.toHaveProperty('replicas');
  });

  it('refuses what cannot work', async () => {
    const storage = 'settings: { FACE_API_STORAGE_ENABLED: "true" }';
    await expect(renderText(storage)).rejects.toThrow(/DATABASE_URL must be among the secrets/);
    const twice = 'settings: { DATABASE_URL: "x" }\nsecrets: { DATABASE_URL: { value: "y" } }';
    await expect(renderText(twice)).rejects.toThrow(/DATABASE_URL is both a setting and a secret/);
  });

  it('has ingress-nginx take what the service takes', async () => {
    const { annotations } = find(await render(VALUES.full), 'Ingress/face-api').metadata;
    const limit =
      Number.parseInt(annotations['nginx.ingress.kubernetes.io/proxy-body-size'] as string, 10) * 1024 * 1024;
    const seconds = Number(annotations['nginx.ingress.kubernetes.io/proxy-read-timeout']);

    expect(limit).toBeGreaterThan(jsonBodyLimit(Number(settings.limits.maxUploadBytes.default)));
    expect(seconds * 1000).toBeGreaterThan(Number(settings.limits.requestTimeoutMs.default));
  });
});

/** The compiler knows every field of the types that are generated from the API's own description. */
function unknownFields(manifests: readonly Manifest[]): string[] {
  const types = manifests.map(({ kind }) => [kind, KINDS[kind as keyof typeof KINDS][1]] as const);
  const imports = [...new Map(types)].map(
    ([kind, group]) => `import type { I${kind} } from 'kubernetes-models/${group}';`,
  );
  const constants = manifests.map(
    (manifest, at) => `export const manifest${at}: I${manifest.kind} = ${JSON.stringify(manifest)};`,
  );
  const file = resolve('test/rendered-manifests.ts');
  const text = [...imports, ...constants].join('\n');
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const disk = { ...host };
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2023) : disk.getSourceFile(name, ...rest);
  host.fileExists = (name) => name === file || disk.fileExists(name);
  host.readFile = (name) => (name === file ? text : disk.readFile(name));
  return ts
    .getPreEmitDiagnostics(ts.createProgram([file], options, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
