import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { systemErrorCode } from '../errors/reason.ts';
import { type Setting, type Settings, settings } from './settings.ts';

type Values<Slice> = { readonly [Key in keyof Slice]: Slice[Key] extends Setting<infer Value> ? Value : never };

/** The configuration: one frozen object per topic. Also its injection token. */
export abstract class Configuration {
  abstract readonly server: Values<Settings['server']>;
  abstract readonly logging: Values<Settings['logging']>;
  abstract readonly tracing: Values<Settings['tracing']>;
  abstract readonly limits: Values<Settings['limits']>;
  abstract readonly fetching: Values<Settings['fetching']>;
  abstract readonly webhooks: Values<Settings['webhooks']>;
  abstract readonly security: Values<Settings['security']>;
  abstract readonly admin: Values<Settings['admin']>;
  abstract readonly openId: Values<Settings['openId']>;
  abstract readonly review: Values<Settings['review']>;
  abstract readonly inference: Values<Settings['inference']>;
  abstract readonly detection: Values<Settings['detection']>;
  abstract readonly masking: Values<Settings['masking']>;
  abstract readonly batches: Values<Settings['batches']>;
  abstract readonly storage: Values<Settings['storage']>;
  abstract readonly database: Values<Settings['database']>;
  abstract readonly s3: Values<Settings['s3']>;
  abstract readonly receipts: Values<Settings['receipts']>;
}

export type Role = Configuration['server']['role'];

export function hasApi(role: Role): boolean {
  return role === 'all' || role === 'api';
}

export function hasConsole(role: Role): boolean {
  return role === 'all' || role === 'admin';
}

/** The TCP port to listen on. */
export function portOf({ port, role }: Configuration['server']): number {
  if (port !== 'auto') return port;
  return { admin: 4321, worker: 4322, api: 8000, all: 8000 }[role];
}

/** How many images of batches this process may work on at the same time: a permit and a core are left to requests. */
export function batchConcurrencyOf(
  { batches, limits, server }: Configuration,
  cores: number = availableParallelism(),
): number {
  if (batches.concurrency !== 'auto') return batches.concurrency;
  const { maxConcurrentInference } = limits;
  if (server.role === 'worker') return maxConcurrentInference;
  return Math.max(1, Math.min(maxConcurrentInference, cores) - 1);
}

/** Names every invalid variable with its value (unless it is a secret) and the valid values. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of the process, completed by the file `.env` of the working directory if it exists. */
export function readEnvironment(): Environment {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}

/**
 * Reads and validates all settings together, so that one start reports all mistakes.
 * @throws ConfigurationError
 */
export function readConfiguration(environment: Environment): Configuration {
  const mistakes = unknownVariables(environment);
  const slices = Object.entries(settings).map(([slice, members]) => [
    slice,
    Object.freeze(
      Object.fromEntries(
        Object.entries(members as Record<string, Setting<unknown>>).map(([key, setting]) => [
          key,
          readSetting(setting, environment, mistakes),
        ]),
      ),
    ),
  ]);
  const configuration = Object.freeze(Object.fromEntries(slices)) as Configuration;
  const { inputSize, maxInputSize } = configuration.detection;
  if (inputSize > maxInputSize) {
    mistakes.push(`${settings.detection.inputSize.name} exceeds ${settings.detection.maxInputSize.name}`);
  }
  if (configuration.server.role === 'worker' && !configuration.storage.enabled) {
    mistakes.push(`${settings.server.role.name} is worker, which needs ${settings.storage.enabled.name}=true`);
  }
  if (configuration.review.reportsEnabled && !configuration.storage.enabled) {
    mistakes.push(`${settings.review.reportsEnabled.name} is true, which needs ${settings.storage.enabled.name}=true`);
  }
  const { passwordHash, users } = configuration.admin;
  if (passwordHash && users) {
    mistakes.push(`${settings.admin.passwordHash.name} and ${settings.admin.users.name} are both set; keep one`);
  }
  // Settings with mistakes have no value.
  if (mistakes.length === 0)
    mistakes.push(...unknownKeys(configuration.security), ...missingForOpenId(configuration.openId));
  if (mistakes.length > 0) {
    throw new ConfigurationError(`The configuration is not valid:\n${mistakes.map((line) => `  ${line}`).join('\n')}`);
  }
  return configuration;
}

function unknownKeys({ apiKeys, apiKeyScopes }: Configuration['security']): string[] {
  const { apiKeys: keys, apiKeyScopes: scopes } = settings.security;
  return apiKeyScopes
    .filter(({ name }) => !apiKeys.some((key) => key.name === name))
    .map(({ name }) => `${scopes.name} names the key ${name}, which ${keys.name} does not have`);
}

function missingForOpenId({ issuer, clientId, roles }: Configuration['openId']): string[] {
  const { openId } = settings;
  const missing = [clientId === '' ? openId.clientId : null, roles.length === 0 ? openId.roles : null];
  return missing.flatMap((setting) =>
    issuer !== '' && setting ? [`${openId.issuer.name} needs ${setting.name}`] : [],
  );
}

function readSetting(setting: Setting<unknown>, environment: Environment, mistakes: string[]): unknown {
  const given = readText(setting, environment, mistakes);
  const result = setting.schema.safeParse(given ?? setting.default);
  if (result.success) return result.data;
  const got = setting.secret ? 'a value that is not shown' : JSON.stringify(given);
  mistakes.push(`${setting.name} is ${got}; it takes ${result.error.issues[0]?.message ?? 'another value'}`);
  return undefined;
}

/** An empty variable counts as not set, because compose files set variables to empty. */
function readText(setting: Setting<unknown>, environment: Environment, mistakes: string[]): string | undefined {
  const direct = environment[setting.name]?.trim();
  const file = setting.secret ? environment[`${setting.name}_FILE`]?.trim() : undefined;
  if (!file) return direct === '' ? undefined : direct;
  if (direct) mistakes.push(`${setting.name} and ${setting.name}_FILE are both set; keep one`);
  try {
    const content = readFileSync(file, 'utf8').trim();
    // An empty secret file is a mistake: it must not turn the check off that the secret is for.
    if (content === '') mistakes.push(`${setting.name}_FILE names ${file}, which is empty`);
    return content;
  } catch (error) {
    mistakes.push(
      `${setting.name}_FILE names ${file}, which cannot be read (${systemErrorCode(error) ?? 'unknown error'})`,
    );
    return undefined;
  }
}

/** Otherwise a mistyped name would silently leave the default in effect. */
function unknownVariables(environment: Environment): string[] {
  const known = new Set(
    Object.values(settings)
      .flatMap((slice) => Object.values(slice) as Setting<unknown>[])
      .flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name])),
  );
  return Object.keys(environment)
    .filter((name) => name.startsWith('FACE_API_') && !name.startsWith('FACE_API_TEST_') && !known.has(name))
    .map((name) => `${name} is not a setting of this service; see .env.example`);
}
