import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchConcurrencyOf, ConfigurationError, readConfiguration } from './configuration.ts';
import { type Setting, settings } from './settings.ts';

const all = Object.values(settings).flatMap((slice) => Object.values(slice) as Setting<unknown>[]);

/** The lines of the complaint about an environment. */
function mistakesIn(environment: Record<string, string>): string[] {
  try {
    readConfiguration(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    const [title, ...lines] = (error as Error).message.split('\n');
    expect(title).toBe('The configuration is not valid:');
    return lines.map((line) => line.trim());
  }
  return [];
}

describe('without any variable', () => {
  it('everything has its default', () => {
    const configuration = readConfiguration({});
    expect(configuration.server).toMatchObject({
      host: '0.0.0.0',
      port: 'auto',
      trustedProxies: [],
      docsEnabled: true,
    });
    expect(configuration.limits).toMatchObject({ maxConcurrentRequests: 10, maxConcurrentInference: 3 });
    expect(configuration.security.apiKeys).toEqual([]);
    expect(configuration.detection).toEqual({
      threshold: 0.5,
      nmsThreshold: 0.4,
      minFaceSize: 0,
      inputSize: 640,
      maxInputSize: 1920,
      largeFaces: true,
      recall: 'standard',
    });
    expect(configuration.masking).toEqual({
      recall: 'high',
      reviewThreshold: 0.3,
      method: 'blur',
      color: '#000000',
      shape: 'ellipse',
      padding: 0.25,
      margin: 0.5,
      strength: 0.5,
      mark: false,
      metadataAllow: ['time', 'place', 'credit', 'camera', 'panorama'],
      quality: 90,
      verify: false,
      effort: 'fast',
      verifyThreshold: 0.3,
      receipt: false,
    });
  });

  it('every setting has its slice, key and value', () => {
    const configuration = readConfiguration({}) as unknown as Record<string, Record<string, unknown>>;
    for (const [slice, members] of Object.entries(settings)) {
      expect(Object.keys(configuration[slice]!)).toEqual(Object.keys(members));
      expect(Object.values(configuration[slice]!)).not.toContain(undefined);
    }
  });
});

describe('what a variable takes', () => {
  it.each([
    ['text', 'HOST', '::1', ['server', 'host'], '::1'],
    ['surrounding space', 'HOST', '  ::1\n', ['server', 'host'], '::1'],
    ['the least whole number', 'PORT', '0', ['server', 'port'], 0],
    ['the greatest whole number', 'PORT', '65535', ['server', 'port'], 65535],
    ['a list', 'TRUSTED_PROXIES', '10.0.0.0/8, ::1,,', ['server', 'trustedProxies'], ['10.0.0.0/8', '::1']],
    ['a truth value', 'DOCS_ENABLED', 'false', ['server', 'docsEnabled'], false],
    ['a choice', 'LOG_LEVEL', 'silent', ['logging', 'level'], 'silent'],
    ['a fraction', 'DEFAULT_THRESHOLD', '.35', ['detection', 'threshold'], 0.35],
    ['a fraction as powers of ten', 'DEFAULT_THRESHOLD', '5e-1', ['detection', 'threshold'], 0.5],
    ['a multiple', 'DEFAULT_INPUT_SIZE', '1024', ['detection', 'inputSize'], 1024],
    ['a color', 'DEFAULT_COLOR', '#FFcc00', ['masking', 'color'], '#FFcc00'],
    ['a number in place of auto', 'ORT_THREADS', '3', ['inference', 'ortThreads'], 3],
    [
      'names and secrets',
      'API_KEYS',
      'one:0123456789abcdef,two:with:colons:inside',
      ['security', 'apiKeys'],
      [
        { name: 'one', secret: '0123456789abcdef' },
        { name: 'two', secret: 'with:colons:inside' },
      ],
    ],
  ] as const)('%s', (_, name, text, path, value) => {
    const configuration = readConfiguration({ [`FACE_API_${name}`]: text });
    expect(configuration).toHaveProperty([...path], value);
  });

  it('nothing where it is empty, as compose files write what is not set', () => {
    const empty = Object.fromEntries(all.map(({ name }) => [name, ' ']));
    expect(readConfiguration(empty)).toEqual(readConfiguration({}));
  });
});

it('an input_size by default that callers might not ask for is refused', () => {
  expect(mistakesIn({ FACE_API_MAX_INPUT_SIZE: '640' })).toEqual([]);
  expect(mistakesIn({ FACE_API_MAX_INPUT_SIZE: '608' })).toEqual([
    'FACE_API_DEFAULT_INPUT_SIZE exceeds FACE_API_MAX_INPUT_SIZE',
  ]);
});

it('a worker needs storage', () => {
  expect(mistakesIn({ FACE_API_ROLE: 'worker', FACE_API_STORAGE_ENABLED: 'true' })).toEqual([]);
  expect(mistakesIn({ FACE_API_ROLE: 'worker' })).toEqual([
    'FACE_API_ROLE is worker, which needs FACE_API_STORAGE_ENABLED=true',
  ]);
});

it.each([
  ['worker', '3', 2, 'auto', 3],
  ['all', '3', 8, 'auto', 2],
  ['all', '3', 2, 'auto', 1],
  ['all', '1', 8, 'auto', 1],
  ['all', '3', 2, '5', 5],
])('with the role %s, %s permits and %i cores, BATCH_CONCURRENCY=%s means %i images', (...row) => {
  const [role, permits, cores, given, images] = row;
  const configuration = readConfiguration({
    FACE_API_ROLE: role,
    FACE_API_STORAGE_ENABLED: 'true',
    FACE_API_MAX_CONCURRENT_INFERENCE: permits,
    FACE_API_BATCH_CONCURRENCY: given,
  });
  expect(batchConcurrencyOf(configuration, cores)).toBe(images);
});

describe('a wrong value is named with its variable, itself and what it should be', () => {
  it.each([
    ['PORT', 'http', 'auto, or a whole number from 0 to 65535'],
    ['PORT', '-1', 'auto, or a whole number from 0 to 65535'],
    ['PORT', '65536', 'auto, or a whole number from 0 to 65535'],
    ['PORT', '80.5', 'auto, or a whole number from 0 to 65535'],
    ['PORT', '1e3', 'auto, or a whole number from 0 to 65535'],
    ['DEFAULT_INPUT_SIZE', '650', 'a whole number from 32 to 4096, a multiple of 32'],
    ['DEFAULT_THRESHOLD', 'high', 'a number from 0.01 to 1'],
    ['DEFAULT_THRESHOLD', '0', 'a number from 0.01 to 1'],
    ['DEFAULT_THRESHOLD', '1.5', 'a number from 0.01 to 1'],
    ['DEFAULT_THRESHOLD', 'NaN', 'a number from 0.01 to 1'],
    ['DEFAULT_PADDING', 'Infinity', 'a number from 0 to 2'],
    ['DOCS_ENABLED', 'yes', 'true or false'],
    ['DOCS_ENABLED', 'TRUE', 'true or false'],
    ['LOG_LEVEL', 'verbose', 'one of trace, debug, info, warn, error, fatal, silent'],
    ['DEFAULT_METHOD', 'toString', 'one of blur, pixelate, solid'],
    ['DEFAULT_COLOR', 'black', 'a color such as #000000'],
    ['DEFAULT_COLOR', '#000', 'a color such as #000000'],
    ['ORT_THREADS', '0', 'auto, or a whole number from 1 to 64'],
    ['ORT_THREADS', 'many', 'auto, or a whole number from 1 to 64'],
  ])('FACE_API_%s=%s', (name, value, expected) => {
    expect(mistakesIn({ [`FACE_API_${name}`]: value })).toEqual([
      `FACE_API_${name} is ${JSON.stringify(value)}; it takes ${expected}`,
    ]);
  });

  it('once for each of them, all in one go', () => {
    const mistakes = mistakesIn({
      FACE_API_PORT: 'x',
      FACE_API_DEFAULT_METHOD: 'y',
      FACE_API_API_KEYS: 'z',
      FACE_API_HOST: '::1',
    });
    expect(mistakes.map((line) => line.split(' ')[0])).toEqual([
      'FACE_API_PORT',
      'FACE_API_API_KEYS',
      'FACE_API_DEFAULT_METHOD',
    ]);
  });

  it('under a name that no setting has, since a typing mistake would leave the default in force', () => {
    expect(mistakesIn({ FACE_API_TRESHOLD: '0.5', PATH: '/bin', FACE_APIX: '1' })).toEqual([
      'FACE_API_TRESHOLD is not a setting of this service; see .env.example',
    ]);
    expect(mistakesIn({ FACE_API_PORT_FILE: '/etc/port' })).toHaveLength(1);
  });
});

describe('secrets', () => {
  const secret = 'correct-horse-battery-staple';
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'face-api-configuration-'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  async function secretFile(content: string): Promise<string> {
    const path = join(folder, 'secret');
    await writeFile(path, content);
    return path;
  }

  it.each([
    ['no name', `:${secret}`],
    ['no colon', secret],
    ['nothing but a comma', ','],
    ['a short secret beside a good one', `good:${secret},bad:0123456789abcde`],
  ])('are not shown when they are wrong: %s', (_, value) => {
    const mistakes = mistakesIn({ FACE_API_API_KEYS: value });
    expect(mistakes).toEqual([
      'FACE_API_API_KEYS is a value that is not shown; it takes name:secret pairs, separated by commas, each secret of at least 16 characters',
    ]);
    expect(mistakes.join()).not.toContain(secret);
  });

  it('are not shown when a file holds them', async () => {
    const mistakes = mistakesIn({ FACE_API_API_KEYS_FILE: await secretFile(`a:b,${secret}`) });
    expect(mistakes).toHaveLength(1);
    expect(mistakes.join()).not.toContain(secret);
  });

  it('are read from the file that the twin variable names, without the line end', async () => {
    const configuration = readConfiguration({ FACE_API_API_KEYS_FILE: await secretFile(`name:${secret}\n`) });
    expect(configuration.security.apiKeys).toEqual([{ name: 'name', secret }]);
  });

  it('given both ways are refused, since one of them would silently lose', async () => {
    const mistakes = mistakesIn({
      FACE_API_API_KEYS: `name:${secret}`,
      FACE_API_API_KEYS_FILE: await secretFile(`name:${secret}`),
    });
    expect(mistakes).toEqual(['FACE_API_API_KEYS and FACE_API_API_KEYS_FILE are both set; keep one']);
  });

  it('in a file that cannot be read are a mistake, not an open door', () => {
    expect(mistakesIn({ FACE_API_API_KEYS_FILE: join(folder, 'missing') })).toEqual([
      `FACE_API_API_KEYS_FILE names ${join(folder, 'missing')}, which cannot be read (ENOENT)`,
    ]);
    expect(mistakesIn({ FACE_API_API_KEYS_FILE: folder })).toEqual([
      `FACE_API_API_KEYS_FILE names ${folder}, which cannot be read (EISDIR)`,
    ]);
  });

  it('in an empty file are a mistake, not an open door', async () => {
    const file = await secretFile('\n');
    expect(mistakesIn({ FACE_API_API_KEYS_FILE: file })).toEqual([
      `FACE_API_API_KEYS_FILE names ${file}, which is empty`,
    ]);
  });
});

describe('the configuration', () => {
  it('cannot be changed, nor can its slices', () => {
    const configuration = readConfiguration({});
    expect(Object.isFrozen(configuration)).toBe(true);
    for (const slice of Object.values(configuration)) expect(Object.isFrozen(slice)).toBe(true);
    expect(() => {
      (configuration.server as { port: number }).port = 1;
    }).toThrow(TypeError);
  });

  it('has settings of different names, each with a description that fits a table', () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    for (const { name, description } of all) {
      expect(name).toMatch(/^(FACE_API_[A-Z0-9_]+|DATABASE_URL|OTEL_[A-Z_]+)$/);
      expect(description).toMatch(/^\S[^\n|]*[^.\s]$/);
    }
  });
});
