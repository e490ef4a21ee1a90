import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { ROLES as USER_ROLES, type Role as UserRole } from './user-roles.ts';
import { CANVAS_MULTIPLE, LARGEST_INPUT_SIZE } from '../vision/letterbox.ts';
import { RECALL_LEVELS } from '../vision/looks.ts';
import { METADATA_GROUPS, type MetadataGroup } from '../vision/metadata/metadata.ts';

/**
 * One environment variable: name, valid values and purpose. `schema` parses the text of the variable;
 * `default` is text too, as a user would write it (empty: not set).
 */
export interface Setting<Value> {
  readonly name: string;
  readonly description: string;
  readonly default: string;
  readonly schema: z.ZodType<Value, string>;
  /** Never shown or logged; can also be read from the file named by the variable `NAME_FILE`. */
  readonly secret: boolean;
}

function setting<Value>(
  name: string,
  schema: z.ZodType<Value, string>,
  fallback: string | number | boolean,
  description: string,
  secret = false,
): Setting<Value> {
  return { name: `FACE_API_${name}`, schema, default: String(fallback), description, secret };
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function number(min: number, max: number): z.ZodType<number, string> {
  const expected = `a number from ${min} to ${max}`;
  return z
    .string()
    .regex(NUMBER, { error: expected, abort: true })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error: expected });
}

function integer(min: number, max: number, multipleOf = 1): z.ZodType<number, string> {
  const expected = `a whole number from ${min} to ${max}${multipleOf > 1 ? `, a multiple of ${multipleOf}` : ''}`;
  return z
    .string()
    .regex(/^\d+$/, { error: expected, abort: true })
    .transform(Number)
    .refine((value) => value >= min && value <= max && value % multipleOf === 0, { error: expected });
}

const boolean: z.ZodType<boolean, string> = z
  .enum(['true', 'false'], { error: 'true or false' })
  .transform((text) => text === 'true');

function oneOf<const Choice extends string>(...choices: Choice[]): z.ZodType<Choice, string> {
  return z.string().transform((text, context) => {
    const choice = choices.find((candidate) => candidate === text);
    if (choice === undefined) {
      context.addIssue(`one of ${choices.join(', ')}`);
      return z.NEVER;
    }
    return choice;
  });
}

const text: z.ZodType<string, string> = z.string().min(1, { error: 'a text that is not empty' });

const optionalText: z.ZodType<string, string> = z.string();

const databaseUrl: z.ZodType<string, string> = z
  .string()
  .refine((value) => value === '' || /^postgres(ql)?:\/\/.+/.test(value), {
    error: 'an address such as postgres://user:password@host:5432/database',
  });

const httpUrl: z.ZodType<string, string> = z
  .string()
  .refine((value) => value === '' || (/^https?:\/\//.test(value) && URL.canParse(value)), {
    error: 'an address that starts with http:// or https://',
  });

const hexColor: z.ZodType<string, string> = z.string().regex(/^#[0-9a-f]{6}$/i, { error: 'a color such as #000000' });

function splitList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

const list: z.ZodType<string[], string> = z.string().transform(splitList);

const metadataGroups: z.ZodType<MetadataGroup[], string> = z.string().transform((value, context) => {
  const names = value.trim() === 'none' ? [] : splitList(value);
  const groups = METADATA_GROUPS.filter((group) => names.includes(group));
  if (names.every((name) => groups.some((group) => group === name))) return groups;
  context.addIssue(`none, or names from ${METADATA_GROUPS.join(', ')}, separated by commas`);
  return z.NEVER;
});

/** `name=value,name=value`, each percent-encoded, as specified by OpenTelemetry. */
const headerList: z.ZodType<[string, string][], string> = z.string().transform((value, context) => {
  const pairs = splitList(value).map((item) => {
    const [name = '', ...rest] = item.split('=');
    return [name.trim(), rest.join('=').trim()] as [string, string];
  });
  try {
    if (pairs.some(([name, given]) => !/^[\w!#$%&'*+.^|~-]+$/.test(name) || given === '')) throw new URIError();
    return pairs.map(([name, given]) => [name, decodeURIComponent(given)] as [string, string]);
  } catch {
    context.addIssue('name=value pairs, separated by commas');
    return z.NEVER;
  }
});

/** `name:secret,name:secret`: names appear in logs and records, secrets do not. */
const namedSecrets: z.ZodType<{ name: string; secret: string }[], string> = z.string().transform((value, context) => {
  const pairs = splitList(value).map((item) => {
    const colon = item.indexOf(':');
    return { name: item.slice(0, Math.max(0, colon)), secret: item.slice(colon + 1) };
  });
  // A single comma is a mistake; only an empty value means none.
  const isMeant = pairs.length > 0 || value === '';
  if (!isMeant || pairs.some(({ name, secret }) => name === '' || secret.length < 16)) {
    context.addIssue('name:secret pairs, separated by commas, each secret of at least 16 characters');
  }
  return pairs;
});

const webhookSecret: z.ZodType<string, string> = z.string().refine(
  (value) => {
    const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(value) ?? [];
    const bytes = base64 === undefined ? 0 : Buffer.from(base64, 'base64').length;
    return value === '' || (bytes >= 24 && bytes <= 64);
  },
  { error: 'whsec_ and the base64 of 24 to 64 random bytes: echo "whsec_$(openssl rand -base64 32)"' },
);

/** Purposes of an API key */
export const SCOPES = ['mask', 'detect', 'review', 'unmask'] as const;
export type Scope = (typeof SCOPES)[number];

/** `name=scope+scope,name=scope` */
const namedScopes: z.ZodType<{ name: string; scopes: Scope[] }[], string> = z.string().transform((value, context) => {
  const given = splitList(value).map((item) => {
    const [name = '', ...rest] = item.split('=');
    return { name, scopes: rest.join('=').split('+') };
  });
  const isScope = (scope: string): scope is Scope => SCOPES.some((known) => known === scope);
  if (given.some(({ name, scopes }) => name === '' || !scopes.every(isScope))) {
    context.addIssue(`name=scope+scope pairs, separated by commas, with the scopes ${SCOPES.join(', ')}`);
  }
  return given.map(({ name, scopes }) => ({ name, scopes: scopes.filter(isScope) }));
});

/** `group=role,group=role`; a group may contain `=`. */
const groupRoles: z.ZodType<{ group: string; role: UserRole }[], string> = z.string().transform((value, context) => {
  const given = splitList(value).map((item) => {
    const equals = item.lastIndexOf('=');
    return { group: item.slice(0, Math.max(0, equals)), role: item.slice(equals + 1) };
  });
  const pairs = given.flatMap(({ group, role }) => {
    const known = USER_ROLES.find((each) => each === role);
    return group !== '' && known ? [{ group, role: known }] : [];
  });
  if (pairs.length < given.length) {
    context.addIssue(`group=role pairs, separated by commas, with the roles ${USER_ROLES.join(', ')}`);
  }
  return pairs;
});

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

const issuerUrl: z.ZodType<string, string> = z.string().refine(
  (value) => {
    const url = URL.parse(value);
    return value === '' || url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.includes(url.hostname));
  },
  { error: 'an address that starts with https:// (http:// only for this machine)' },
);

function autoOrInteger(min: number, max: number): z.ZodType<number | 'auto', string> {
  return z.string().transform((value, context) => {
    if (value === 'auto') return value;
    const given = integer(min, max).safeParse(value);
    if (given.success) return given.data;
    context.addIssue(`auto, or a whole number from ${min} to ${max}`);
    return z.NEVER;
  });
}

const argon2Hash: z.ZodType<string, string> = z
  .string()
  .refine((value) => value === '' || /^\$argon2id\$/.test(value), {
    error: 'what `face-api admin hash-password` prints ($argon2id$…; in a .env file within single quotes)',
  });

/** Concurrent inferences × threads should not exceed the cores: `auto` divides the cores between two inferences. */
const threads: z.ZodType<number, string> = z.string().transform((value, context) => {
  if (value === 'auto') return Math.max(1, Math.floor(availableParallelism() / 2));
  const count = /^\d+$/.test(value) ? Number(value) : 0;
  if (count < 1 || count > 64) context.addIssue('auto, or a whole number from 1 to 64');
  return count;
});

/** All variables by topic. `.env.example` and docs/configuration.md are generated from this. */
export const settings = {
  server: {
    role: setting(
      'ROLE',
      oneOf('all', 'api', 'admin', 'worker'),
      'all',
      'all: everything; api: everything except the console, its API and the processing of batches; admin: only the console and its API; worker: only the processing of batches, which needs FACE_API_STORAGE_ENABLED=true',
    ),
    host: setting('HOST', text, '0.0.0.0', 'Address to listen on'),
    port: setting(
      'PORT',
      autoOrInteger(0, 65535),
      'auto',
      'TCP port to listen on (auto: 4321 for the role admin, 4322 for the role worker, else 8000; 0: any free port)',
    ),
    trustedProxies: setting(
      'TRUSTED_PROXIES',
      list,
      '',
      'IP addresses or CIDR ranges of trusted proxies, separated by commas; X-Forwarded-For is used only from these',
    ),
    shutdownGraceMs: setting(
      'SHUTDOWN_GRACE_MS',
      integer(0, 600_000),
      30_000,
      'Time in milliseconds that running requests have to finish after SIGTERM',
    ),
    docsEnabled: setting('DOCS_ENABLED', boolean, true, 'Serve /docs and /openapi.json'),
  },
  logging: {
    level: setting(
      'LOG_LEVEL',
      oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
      'info',
      'Minimum log level',
    ),
    format: setting(
      'LOG_FORMAT',
      oneOf('auto', 'json', 'pretty'),
      'auto',
      'json: one JSON object per line; pretty: readable text; auto: pretty on a terminal, else json',
    ),
  },
  tracing: {
    // These names are defined by OpenTelemetry, hence without the prefix.
    endpoint: {
      ...setting(
        'OTEL_EXPORTER_OTLP_ENDPOINT',
        httpUrl,
        '',
        'URL of the OTLP/HTTP trace collector, such as http://collector:4318. Not set: no traces',
      ),
      name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    },
    headers: {
      ...setting(
        'OTEL_EXPORTER_OTLP_HEADERS',
        headerList,
        '',
        'Headers for the collector, as name=value pairs separated by commas',
        true,
      ),
      name: 'OTEL_EXPORTER_OTLP_HEADERS',
    },
    serviceName: {
      ...setting('OTEL_SERVICE_NAME', text, 'face-api', 'Service name in the traces'),
      name: 'OTEL_SERVICE_NAME',
    },
    ratio: setting(
      'TRACE_RATIO',
      number(0, 1),
      1,
      'Fraction of requests to trace, unless the caller decides it (header traceparent)',
    ),
  },
  limits: {
    maxConcurrentRequests: setting(
      'MAX_CONCURRENT_REQUESTS',
      integer(1, 10_000),
      10,
      'Maximum number of concurrent image requests; further requests get 503 with Retry-After before their body is read',
    ),
    maxConcurrentInference: setting(
      'MAX_CONCURRENT_INFERENCE',
      integer(1, 256),
      3,
      'Maximum number of images processed at the same time; further requests wait. Requests with detect=false or with a large image (more than a quarter of MAX_PIXELS, or not JPEG or PNG) can use one less (but at least one). With storage, the worker pool has one additional thread for thumbnails',
    ),
    requestTimeoutMs: setting(
      'REQUEST_TIMEOUT_MS',
      integer(100, 600_000),
      30_000,
      'Maximum time in milliseconds from the first byte of a request to its response; then 504',
    ),
    maxUploadBytes: setting(
      'MAX_UPLOAD_BYTES',
      integer(1024, 1_073_741_824),
      20_971_520,
      'Maximum size of an image file in bytes',
    ),
    minUploadBytesPerSecond: setting(
      'MIN_UPLOAD_BYTES_PER_SECOND',
      integer(0, 10_000_000),
      1024,
      'Minimum upload rate in bytes per second. Slower for 1 s: loses its slot if another request needs it; slower for 10 s: 408. 0: no limit',
    ),
    maxPixels: setting(
      'MAX_PIXELS',
      integer(1, 1_000_000_000),
      50_000_000,
      'Maximum width × height of an image in pixels, checked before decoding',
    ),
    maxFrames: setting(
      'MAX_FRAMES',
      integer(1, 10_000),
      200,
      'Maximum number of frames or pages to mask (FACE_API_MAX_PIXELS limits their total size)',
    ),
    heic: setting(
      'HEIC',
      boolean,
      true,
      'Decode HEIC images. Whether that needs a patent license for HEVC depends on where and how you run the service',
    ),
    requestsPerMinute: setting(
      'REQUESTS_PER_MINUTE',
      integer(0, 1_000_000),
      0,
      'Maximum number of API requests per minute for each API key (or IP address); further requests get 429. 0: no limit',
    ),
  },
  fetching: {
    allow: setting(
      'FETCH_ALLOW',
      list,
      '',
      'Where the service may fetch images by URL, separated by commas: hosts (example.com, *.example.com, * for all; with :port if it is not the default one), which must have public addresses; IP addresses and CIDR ranges, which may be private. Not set: fetching is off',
    ),
    timeoutMs: setting(
      'FETCH_TIMEOUT_MS',
      integer(100, 600_000),
      10_000,
      'Maximum time in milliseconds to fetch an image by URL (FACE_API_MAX_UPLOAD_BYTES limits its size)',
    ),
  },
  webhooks: {
    allow: setting(
      'WEBHOOK_ALLOW',
      list,
      '',
      'Where the service may send webhooks of batches, written as in FACE_API_FETCH_ALLOW. Set it for the roles api and worker. Not set: webhooks are off',
    ),
    http: setting('WEBHOOK_HTTP', boolean, false, 'Allow webhooks with http, without encryption. false: only https'),
    secret: setting(
      'WEBHOOK_SECRET',
      webhookSecret,
      '',
      'Secret that signs webhooks: whsec_ and the base64 of 24 to 64 random bytes, the same for all workers. Not set: the service creates one in the data folder',
      true,
    ),
    timeoutMs: setting(
      'WEBHOOK_TIMEOUT_MS',
      integer(100, 60_000),
      15_000,
      'Maximum time in milliseconds until the receiver of a webhook has responded',
    ),
  },
  security: {
    apiKeys: setting(
      'API_KEYS',
      namedSecrets,
      '',
      'API keys as name:secret pairs, separated by commas. If set, /api requires one of them as X-API-Key or bearer token',
      true,
    ),
    apiKeyScopes: setting(
      'API_KEY_SCOPES',
      namedScopes,
      '',
      'What API keys may do, as name=scope+scope pairs separated by commas, with the scopes mask, detect, review and unmask. Keys that are not listed have mask and detect',
    ),
  },
  admin: {
    passwordHash: setting(
      'ADMIN_PASSWORD_HASH',
      argon2Hash,
      '',
      'Hash of the console password, from `face-api admin hash-password`. Not set: a random password is printed at each start, unless there are named users or OpenID Connect',
      true,
    ),
    users: setting(
      'ADMIN_USERS',
      optionalText,
      '',
      'Path of the file with the named users of the console, which `face-api admin add-user` writes. Not set: one password for everyone',
    ),
    tokens: setting(
      'ADMIN_TOKENS',
      namedSecrets,
      '',
      'Bearer tokens for programs that use the console API, as name:secret pairs separated by commas',
      true,
    ),
    sessionIdleMinutes: setting(
      'ADMIN_SESSION_IDLE_MINUTES',
      integer(1, 10_080),
      60,
      'Minutes without a request after which a console session ends',
    ),
    sessionHours: setting(
      'ADMIN_SESSION_HOURS',
      integer(1, 720),
      12,
      'Hours after the login after which a console session ends in any case',
    ),
  },
  openId: {
    issuer: setting(
      'OPENID_ISSUER',
      issuerUrl,
      '',
      'URL of an identity provider (OpenID Connect) with which people log in to the console. Not set: off',
    ),
    clientId: setting('OPENID_CLIENT_ID', optionalText, '', 'Name of this service at the identity provider'),
    clientSecret: setting(
      'OPENID_CLIENT_SECRET',
      optionalText,
      '',
      'Secret of FACE_API_OPENID_CLIENT_ID. Not set: a public client, which only PKCE protects',
      true,
    ),
    roles: setting(
      'OPENID_ROLES',
      groupRoles,
      '',
      'Roles of the groups of the identity provider, as group=role pairs separated by commas, with the roles viewer, reviewer, unmasker and admin. People in none of these groups cannot log in',
    ),
    rolesClaim: setting('OPENID_ROLES_CLAIM', text, 'groups', 'Claim with the groups of a person'),
    nameClaim: setting(
      'OPENID_NAME_CLAIM',
      text,
      'preferred_username',
      'Claim with the name for the audit log, such as preferred_username or email',
    ),
    scopes: setting('OPENID_SCOPES', text, 'openid profile email', 'Scopes to request, separated by spaces'),
    label: setting('OPENID_LABEL', text, 'OpenID Connect', 'Name of the identity provider on the login page'),
  },
  review: {
    secondPerson: setting(
      'UNMASK_SECOND_PERSON',
      boolean,
      false,
      'true: a change that makes a masked face visible is served only after a second person with the right to unmask has approved it',
    ),
    reportsEnabled: setting(
      'REPORTS_ENABLED',
      boolean,
      false,
      'true: each masked image has a public page on which people without an account report a face; its URL cannot be guessed. Requires storage',
    ),
  },
  inference: {
    model: setting(
      'MODEL',
      text,
      'embedded',
      'Detector: a name from `face-api models list`, or the path of an ONNX file',
    ),
    modelsFolder: setting(
      'MODELS_FOLDER',
      z.string(),
      '',
      'Folder of downloaded and added model files. Not set: models/ of the installation',
    ),
    secondModel: setting(
      'SECOND_MODEL',
      z.string(),
      '',
      'Second detector, given like FACE_API_MODEL: for the option verify, and in addition to the first with recall=max. Not set: verify uses the first',
    ),
    ortThreads: setting('ORT_THREADS', threads, 'auto', 'ONNX Runtime threads per inference (auto: half of the cores)'),
  },
  detection: {
    threshold: setting('DEFAULT_THRESHOLD', number(0.01, 1), 0.5, 'Default of the option threshold'),
    nmsThreshold: setting('DEFAULT_NMS_THRESHOLD', number(0, 1), 0.4, 'Default of the option nms_threshold'),
    minFaceSize: setting('DEFAULT_MIN_FACE_SIZE', integer(0, 10_000), 0, 'Default of the option min_face_size'),
    maxInputSize: setting(
      'MAX_INPUT_SIZE',
      integer(32, LARGEST_INPUT_SIZE, CANVAS_MULTIPLE),
      1920,
      'Maximum of the option input_size, also for verify; memory and time grow with its square',
    ),
    inputSize: setting(
      'DEFAULT_INPUT_SIZE',
      integer(32, LARGEST_INPUT_SIZE, CANVAS_MULTIPLE),
      640,
      'Default of the option input_size',
    ),
    largeFaces: setting('DEFAULT_LARGE_FACES', boolean, true, 'Default of the option large_faces'),
    recall: setting('DETECT_RECALL', oneOf(...RECALL_LEVELS), 'standard', 'Default of the option recall of /detect'),
  },
  masking: {
    recall: setting('MASK_RECALL', oneOf(...RECALL_LEVELS), 'high', 'Default of the option recall of /mask'),
    reviewThreshold: setting(
      'DEFAULT_REVIEW_THRESHOLD',
      number(0.01, 1),
      0.3,
      'Default of the option review_threshold, for requests without threshold; has an effect only below the default threshold (1: off)',
    ),
    method: setting('DEFAULT_METHOD', oneOf('blur', 'pixelate', 'solid'), 'blur', 'Default of the option method'),
    color: setting('DEFAULT_COLOR', hexColor, '#000000', 'Default of the option color'),
    shape: setting('DEFAULT_SHAPE', oneOf('ellipse', 'box'), 'ellipse', 'Default of the option shape'),
    padding: setting('DEFAULT_PADDING', number(0, 2), 0.25, 'Default of the option padding'),
    margin: setting('DEFAULT_MARGIN', number(0, 2), 0.5, 'Default of the option margin'),
    strength: setting('DEFAULT_STRENGTH', number(0, 1), 0.5, 'Default of the option strength'),
    mark: setting('DEFAULT_MARK', boolean, false, 'Default of the option mark'),
    quality: setting('DEFAULT_QUALITY', integer(1, 100), 90, 'Default of the option quality'),
    effort: setting('DEFAULT_EFFORT', oneOf('fast', 'small'), 'fast', 'Default of the option effort'),
    verify: setting('DEFAULT_VERIFY', boolean, false, 'Default of the option verify'),
    verifyThreshold: setting(
      'VERIFY_THRESHOLD',
      number(0.01, 1),
      0.3,
      'Minimum score of a face when a masked image is verified',
    ),
    metadataAllow: setting(
      'METADATA_ALLOW',
      metadataGroups,
      METADATA_GROUPS.join(','),
      'What the option metadata may ask for, separated by commas; none: masked images never have metadata',
    ),
    receipt: setting('DEFAULT_RECEIPT', boolean, false, 'Default of the option receipt'),
  },
  receipts: {
    key: setting(
      'RECEIPT_KEY',
      z.string(),
      '',
      'Ed25519 private key in PEM format that signs receipts. Not set: the service creates one',
      true,
    ),
    keyFolder: setting('RECEIPT_KEY_FOLDER', text, './data', 'Folder of the receipt key that the service creates'),
  },
  storage: {
    enabled: setting(
      'STORAGE_ENABLED',
      boolean,
      false,
      'Store images and jobs. false: nothing of a request is stored after its response',
    ),
    dataFolder: setting(
      'DATA_FOLDER',
      text,
      './data',
      'Folder of the spool, and of the database and the images unless DATABASE_URL and FACE_API_S3_BUCKET are set',
    ),
    spoolMaxBytes: setting(
      'SPOOL_MAX_BYTES',
      integer(1_048_576, Number.MAX_SAFE_INTEGER),
      1_073_741_824,
      'Maximum size of the spool in bytes',
    ),
    spoolFullPolicy: setting(
      'SPOOL_FULL_POLICY',
      oneOf('oldest', 'refuse'),
      'refuse',
      'If the spool is full or cannot be written: refuse rejects requests with 503; oldest accepts them and loses the oldest jobs',
    ),
    spoolFsync: setting(
      'SPOOL_FSYNC',
      boolean,
      true,
      'Flush each job to disk before the response. false: a power failure may lose the last jobs',
    ),
    retentionDays: setting(
      'RETENTION_DAYS',
      integer(0, 36_500),
      0,
      'Days after which jobs, and images without jobs, are deleted. 0: never',
    ),
    assetUrlSeconds: setting(
      'ASSET_URL_SECONDS',
      integer(1, 604_800),
      300,
      'Seconds that the URL of a stored image is valid',
    ),
  },
  batches: {
    concurrency: setting(
      'BATCH_CONCURRENCY',
      autoOrInteger(1, 256),
      'auto',
      'Maximum number of images of batches processed at the same time by one process (auto: FACE_API_MAX_CONCURRENT_INFERENCE for the role worker; else one less than that and than the number of cores, but at least one)',
    ),
    maxItems: setting('BATCH_MAX_ITEMS', integer(1, 1_000_000), 100_000, 'Maximum number of images in a batch'),
    maxBytes: setting(
      'BATCH_MAX_BYTES',
      integer(1024, Number.MAX_SAFE_INTEGER),
      10_737_418_240,
      'Maximum size of the upload of a batch in bytes, and of what its archives contain',
    ),
    uploadTimeoutMs: setting(
      'BATCH_UPLOAD_TIMEOUT_MS',
      integer(1000, 86_400_000),
      3_600_000,
      'Maximum time in milliseconds to send a batch; then 408',
    ),
    retentionHours: setting(
      'BATCH_RETENTION_HOURS',
      integer(1, 876_000),
      168,
      'Hours after which a finished batch is deleted with its results',
    ),
    s3Allow: setting(
      'BATCH_S3_ALLOW',
      list,
      '',
      'Where batches may read images in S3, separated by commas: bucket or bucket/prefix, at FACE_API_S3_ENDPOINT and with its credentials. Not set: nowhere',
    ),
    s3OutputAllow: setting(
      'BATCH_S3_OUTPUT_ALLOW',
      list,
      '',
      'Where batches may write their results in S3, separated by commas: bucket or bucket/prefix, at FACE_API_S3_ENDPOINT and with its credentials. Not set: nowhere',
    ),
  },
  database: {
    // This name is used by hosting platforms and tools, hence without the prefix.
    url: {
      ...setting(
        'DATABASE_URL',
        databaseUrl,
        '',
        'URL of a PostgreSQL server, version 15 or later. Not set: the service runs its own in the data folder',
        true,
      ),
      name: 'DATABASE_URL',
    },
    poolSize: setting('DATABASE_POOL_SIZE', integer(2, 200), 10, 'Maximum number of database connections'),
  },
  s3: {
    bucket: setting(
      'S3_BUCKET',
      optionalText,
      '',
      'S3 bucket for the images. Not set: images are stored in the data folder',
    ),
    endpoint: setting('S3_ENDPOINT', httpUrl, '', 'URL of the S3 service. Not set: Amazon S3'),
    publicEndpoint: setting('S3_PUBLIC_ENDPOINT', httpUrl, '', 'URL of the S3 service for browsers, if different'),
    region: setting('S3_REGION', text, 'us-east-1', 'Region of the bucket'),
    accessKeyId: setting(
      'S3_ACCESS_KEY_ID',
      optionalText,
      '',
      'Access key ID. Not set: the role of the machine or pod is used',
    ),
    secretAccessKey: setting('S3_SECRET_ACCESS_KEY', optionalText, '', 'Secret of FACE_API_S3_ACCESS_KEY_ID', true),
    pathStyle: setting(
      'S3_PATH_STYLE',
      boolean,
      true,
      'true: URLs of the form endpoint/bucket/key; false: bucket.endpoint/key (virtual-hosted)',
    ),
    encryption: setting(
      'S3_ENCRYPTION',
      oneOf('none', 'AES256', 'aws:kms'),
      'none',
      'Server-side encryption of the S3 service',
    ),
    kmsKeyId: setting('S3_KMS_KEY_ID', optionalText, '', 'Key for aws:kms. Not set: the default key of the account'),
  },
} as const;

export type Settings = typeof settings;
