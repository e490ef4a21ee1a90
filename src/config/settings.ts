import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { CANVAS_MULTIPLE, LARGEST_INPUT_SIZE } from '../vision/letterbox.ts';
import { RECALL_LEVELS } from '../vision/looks.ts';

/**
 * One environment variable: its name, what it takes, and what it is for. `schema` reads the variable's text;
 * `default` is given as text too, exactly as a user would write it (empty: not set).
 */
export interface Setting<Value> {
  readonly name: string;
  readonly description: string;
  readonly default: string;
  readonly schema: z.ZodType<Value, string>;
  /** Never shown or logged; may also be given as a file's path in the variable `NAME_FILE`. */
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

const hexColor: z.ZodType<string, string> = z.string().regex(/^#[0-9a-f]{6}$/i, { error: 'a colour such as #000000' });

function splitList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

const list: z.ZodType<string[], string> = z.string().transform(splitList);

/** `name=value,name=value`, each percent-encoded, as OpenTelemetry's specification has it. */
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

/** `name:secret,name:secret`: the names go into logs and records, the secrets nowhere. */
const namedSecrets: z.ZodType<{ name: string; secret: string }[], string> = z.string().transform((value, context) => {
  const pairs = splitList(value).map((item) => {
    const colon = item.indexOf(':');
    return { name: item.slice(0, Math.max(0, colon)), secret: item.slice(colon + 1) };
  });
  // A lone comma is a mistake, not the wish to do without.
  const isMeant = pairs.length > 0 || value === '';
  if (!isMeant || pairs.some(({ name, secret }) => name === '' || secret.length < 16)) {
    context.addIssue('name:secret pairs, separated by commas, each secret of at least 16 characters');
  }
  return pairs;
});

const port: z.ZodType<number | 'auto', string> = z.string().transform((value, context) => {
  if (value === 'auto') return value;
  const given = integer(0, 65535).safeParse(value);
  if (given.success) return given.data;
  context.addIssue('auto, or a whole number from 0 to 65535');
  return z.NEVER;
});

const argon2Hash: z.ZodType<string, string> = z
  .string()
  .refine((value) => value === '' || /^\$argon2id\$/.test(value), {
    error: 'what `face-api admin hash-password` prints ($argon2id$…; in a .env file within single quotes)',
  });

/** Inferences at once × threads should not exceed the cores: `auto` shares the cores between two inferences. */
const threads: z.ZodType<number, string> = z.string().transform((value, context) => {
  if (value === 'auto') return Math.max(1, Math.floor(availableParallelism() / 2));
  const count = /^\d+$/.test(value) ? Number(value) : 0;
  if (count < 1 || count > 64) context.addIssue('auto, or a whole number from 1 to 64');
  return count;
});

/** All variables, by concern. `.env.example` and the table in docs/configuration.md are written from this. */
export const settings = {
  server: {
    role: setting(
      'ROLE',
      oneOf('all', 'api', 'admin'),
      'all',
      'all: everything; api: without the console and its API; admin: the console and its API alone',
    ),
    host: setting('HOST', text, '0.0.0.0', 'Address to listen on'),
    port: setting(
      'PORT',
      port,
      'auto',
      'TCP port to listen on (auto: 4321 for the role admin, else 8000; 0: any free one)',
    ),
    trustedProxies: setting(
      'TRUSTED_PROXIES',
      list,
      '',
      'Addresses or CIDR ranges, separated by commas, whose X-Forwarded-For is believed',
    ),
    shutdownGraceMs: setting(
      'SHUTDOWN_GRACE_MS',
      integer(0, 600_000),
      30_000,
      'After SIGTERM, how long running requests may take to finish, in milliseconds',
    ),
    docsEnabled: setting('DOCS_ENABLED', boolean, true, 'Serve /docs and /openapi.json'),
  },
  logging: {
    level: setting(
      'LOG_LEVEL',
      oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
      'info',
      'Least severe level that is logged',
    ),
    format: setting(
      'LOG_FORMAT',
      oneOf('auto', 'json', 'pretty'),
      'auto',
      'json: one object a line; pretty: for people; auto: pretty on a terminal, json elsewhere',
    ),
  },
  tracing: {
    // By the names that OpenTelemetry gave them, hence without the prefix.
    endpoint: {
      ...setting(
        'OTEL_EXPORTER_OTLP_ENDPOINT',
        httpUrl,
        '',
        'Collector that traces are sent to by OTLP over HTTP, such as http://collector:4318. Not set: no traces',
      ),
      name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    },
    headers: {
      ...setting(
        'OTEL_EXPORTER_OTLP_HEADERS',
        headerList,
        '',
        'name=value pairs, separated by commas, that the collector wants as headers',
        true,
      ),
      name: 'OTEL_EXPORTER_OTLP_HEADERS',
    },
    serviceName: {
      ...setting('OTEL_SERVICE_NAME', text, 'face-api', 'Name of the service in its traces'),
      name: 'OTEL_SERVICE_NAME',
    },
    ratio: setting(
      'TRACE_RATIO',
      number(0, 1),
      1,
      'Share of requests that are traced, where the caller has not decided it (traceparent)',
    ),
  },
  limits: {
    maxConcurrentRequests: setting(
      'MAX_CONCURRENT_REQUESTS',
      integer(1, 10_000),
      10,
      'Requests with an image that are taken at once; more get 503 with Retry-After, their body unread',
    ),
    maxConcurrentInference: setting(
      'MAX_CONCURRENT_INFERENCE',
      integer(1, 256),
      2,
      'Images that are worked on at once; more wait. Where only `regions` are masked (detect=false), one less, but one at least (the worker pool has one thread more, for thumbnails)',
    ),
    requestTimeoutMs: setting(
      'REQUEST_TIMEOUT_MS',
      integer(100, 600_000),
      30_000,
      'Longest time from the first byte of a request to its answer, in milliseconds; then 504',
    ),
    maxUploadBytes: setting('MAX_UPLOAD_BYTES', integer(1024, 1_073_741_824), 20_971_520, 'Largest image file taken'),
    minUploadBytesPerSecond: setting(
      'MIN_UPLOAD_BYTES_PER_SECOND',
      integer(0, 10_000_000),
      1024,
      'Least rate at which a body must come. Slower for 1 s: it gives its slot to one that comes, if all are taken; for 10 s: 408. 0: no limit',
    ),
    maxPixels: setting(
      'MAX_PIXELS',
      integer(1, 1_000_000_000),
      50_000_000,
      'Largest width × height taken, judged from the header before decoding',
    ),
    maxFrames: setting(
      'MAX_FRAMES',
      integer(1, 10_000),
      200,
      'Most frames or pages of an image that are masked (together they may have MAX_PIXELS)',
    ),
    requestsPerMinute: setting(
      'REQUESTS_PER_MINUTE',
      integer(0, 1_000_000),
      0,
      'Requests with an image per minute and API key (or address); more get 429. 0: no limit',
    ),
  },
  security: {
    apiKeys: setting(
      'API_KEYS',
      namedSecrets,
      '',
      'name:secret pairs, separated by commas; when set, /api asks for X-API-Key or a bearer token',
      true,
    ),
  },
  admin: {
    passwordHash: setting(
      'ADMIN_PASSWORD_HASH',
      argon2Hash,
      '',
      'The console’s password as `face-api admin hash-password` prints it. Not set: a random one is printed at each start',
      true,
    ),
    tokens: setting(
      'ADMIN_TOKENS',
      namedSecrets,
      '',
      'name:secret pairs, separated by commas: bearer tokens with which programs use the console’s API',
      true,
    ),
    sessionIdleMinutes: setting(
      'ADMIN_SESSION_IDLE_MINUTES',
      integer(1, 10_080),
      60,
      'A console session ends after so many minutes without a request',
    ),
    sessionHours: setting(
      'ADMIN_SESSION_HOURS',
      integer(1, 720),
      12,
      'A console session ends so many hours after the login, used or not',
    ),
  },
  inference: {
    model: setting(
      'MODEL',
      text,
      'embedded',
      'Detector: a name from models/manifest.json, or the path of an ONNX file',
    ),
    modelsFolder: setting(
      'MODELS_FOLDER',
      z.string(),
      '',
      'Folder of downloaded and added model files (empty: models/ of the installation)',
    ),
    verifyModel: setting(
      'VERIFY_MODEL',
      z.string(),
      '',
      'A second detector that verifies masked images, named as FACE_API_MODEL is (empty: the same one)',
    ),
    ortThreads: setting(
      'ORT_THREADS',
      threads,
      'auto',
      'ONNX Runtime threads per inference (auto: half of the cores, since two inferences run at once)',
    ),
  },
  detection: {
    threshold: setting('DEFAULT_THRESHOLD', number(0.01, 1), 0.5, 'Default of the option threshold'),
    nmsThreshold: setting('DEFAULT_NMS_THRESHOLD', number(0, 1), 0.4, 'Default of the option nms_threshold'),
    minFaceSize: setting('DEFAULT_MIN_FACE_SIZE', integer(0, 10_000), 0, 'Default of the option min_face_size'),
    maxInputSize: setting(
      'MAX_INPUT_SIZE',
      integer(32, LARGEST_INPUT_SIZE, CANVAS_MULTIPLE),
      1920,
      'Largest input_size taken, which also bounds how closely verify looks; memory and time grow with its square',
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
    method: setting('DEFAULT_METHOD', oneOf('blur', 'pixelate', 'solid'), 'blur', 'Default of the option method'),
    color: setting('DEFAULT_COLOR', hexColor, '#000000', 'Default of the option color'),
    shape: setting('DEFAULT_SHAPE', oneOf('ellipse', 'box'), 'ellipse', 'Default of the option shape'),
    padding: setting('DEFAULT_PADDING', number(0, 2), 0.25, 'Default of the option padding'),
    strength: setting('DEFAULT_STRENGTH', number(0, 1), 0.5, 'Default of the option strength'),
    quality: setting('DEFAULT_QUALITY', integer(1, 100), 90, 'Default of the option quality'),
    effort: setting('DEFAULT_EFFORT', oneOf('fast', 'small'), 'fast', 'Default of the option effort'),
    verify: setting('DEFAULT_VERIFY', boolean, false, 'Default of the option verify'),
    verifyThreshold: setting(
      'VERIFY_THRESHOLD',
      number(0.01, 1),
      0.3,
      'Least score of what counts as a face when a masked image is verified',
    ),
    receipt: setting('DEFAULT_RECEIPT', boolean, false, 'Default of the option receipt'),
  },
  receipts: {
    key: setting(
      'RECEIPT_KEY',
      z.string(),
      '',
      'Ed25519 private key in PEM that signs receipts (empty: one that the service makes and keeps)',
      true,
    ),
    keyFolder: setting('RECEIPT_KEY_FOLDER', text, './data', 'Folder in which the service keeps a key that it made'),
  },
  storage: {
    enabled: setting(
      'STORAGE_ENABLED',
      boolean,
      false,
      'Keep images and jobs. false: nothing of a request is kept anywhere once it is answered',
    ),
    dataFolder: setting(
      'DATA_FOLDER',
      text,
      './data',
      'Folder of the spool and, unless DATABASE_URL and S3_BUCKET name others, of the database and the images',
    ),
    spoolMaxBytes: setting(
      'SPOOL_MAX_BYTES',
      integer(1_048_576, Number.MAX_SAFE_INTEGER),
      1_073_741_824,
      'Most that may wait on disk to be stored',
    ),
    spoolFullPolicy: setting(
      'SPOOL_FULL_POLICY',
      oneOf('oldest', 'refuse'),
      'refuse',
      'When the spool is full or cannot be written: refuse requests with 503, or (oldest) answer them and lose jobs',
    ),
    spoolFsync: setting(
      'SPOOL_FSYNC',
      boolean,
      true,
      'Answer only once the job has reached the disk. false: a power failure may lose the last jobs',
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
      'How long the address of a stored image is valid',
    ),
  },
  database: {
    // The name that hosting platforms and tools use, hence without the prefix.
    url: {
      ...setting(
        'DATABASE_URL',
        databaseUrl,
        '',
        'PostgreSQL 15 or later. Not set: the service runs one of its own in the data folder',
        true,
      ),
      name: 'DATABASE_URL',
    },
    poolSize: setting('DATABASE_POOL_SIZE', integer(2, 200), 10, 'Most connections to the database'),
  },
  s3: {
    bucket: setting('S3_BUCKET', optionalText, '', 'Bucket for the images. Not set: they are kept in the data folder'),
    endpoint: setting('S3_ENDPOINT', httpUrl, '', 'Address of the S3 service. Not set: Amazon’s'),
    publicEndpoint: setting(
      'S3_PUBLIC_ENDPOINT',
      httpUrl,
      '',
      'Address of the S3 service as browsers know it, where that is another one',
    ),
    region: setting('S3_REGION', text, 'us-east-1', 'Region of the bucket'),
    accessKeyId: setting('S3_ACCESS_KEY_ID', optionalText, '', 'Not set: the role of the machine or the pod is used'),
    secretAccessKey: setting('S3_SECRET_ACCESS_KEY', optionalText, '', 'Belongs to FACE_API_S3_ACCESS_KEY_ID', true),
    pathStyle: setting(
      'S3_PATH_STYLE',
      boolean,
      true,
      'true: endpoint/bucket/key, as most services want it; false: bucket.endpoint/key',
    ),
    encryption: setting(
      'S3_ENCRYPTION',
      oneOf('none', 'AES256', 'aws:kms'),
      'none',
      'Encryption by the S3 service of what it stores',
    ),
    kmsKeyId: setting('S3_KMS_KEY_ID', optionalText, '', 'Key for aws:kms. Not set: the account’s own'),
  },
} as const;

export type Settings = typeof settings;
