import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';
import { problemSchema } from './errors/problem.ts';
import { ADMIN_API_PATH, JSON_SUFFIX } from './http/route.ts';
import { IMAGE_ROUTE, type ImageOperation } from './http/takes-image.ts';
import { batchFieldsSchema, batchOutputFieldSchema, batchSourceSchema } from './jobs/api/schemas.ts';
import { webhookEventSchema } from './jobs/webhooks/webhook-event.ts';
import { maskedSchema, maskOptionsSchema } from './masking/schemas.ts';
import { VERSION } from './version.ts';

type JsonSchema = Record<string, unknown>;
type Operation = NonNullable<OpenAPIObject['paths'][string]['post']>;

const TAGS = {
  faces: 'Detect and mask faces in an image',
  images: 'Correct the masks of images, and get the corrected images. Requires storage (FACE_API_STORAGE_ENABLED)',
  jobs: 'Detect and mask many images in the background. Requires storage (FACE_API_STORAGE_ENABLED)',
  receipts: 'Verify signed receipts of masked images',
  operation: 'Health checks and metrics',
  admin: 'For the console and for programs of operators. Requires a session or a token (FACE_API_ADMIN_TOKENS)',
} as const;

const BINARY = { type: 'string', format: 'binary' } as const;
/** A PNG of one pixel, so that the example can be sent as it is. */
const SMALLEST_IMAGE =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** The OpenAPI 3.1 document, generated from the schemas that validate. */
export function buildOpenApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const info = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Face API')
    .setDescription(
      'Detects and masks faces in images. Errors are problem details (RFC 9457): `detail` says what to change.',
    )
    .setVersion(VERSION)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer('/', 'This service')
    .addApiKey(
      { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'A key of FACE_API_API_KEYS, if any is set' },
      'api_key',
    )
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'The same key; for /api/v1/admin, a token' })
    .build();
  const document = SwaggerModule.createDocument(app, info, {
    standardSchemaConverter: (schema, { schemaType }) =>
      schema instanceof z.ZodType ? toJsonSchema(schema, schemaType) : undefined,
  });
  addComponents(document, toJsonSchema(problemSchema, 'output').components);
  const batches = document.paths['/api/v1/jobs'];
  if (batches ?? document.paths[`${ADMIN_API_PATH}batches`]) describeBatchForm(document);
  if (batches?.post) {
    describeBatchJson(document, batches.post);
    describeWebhooks(document);
  }
  for (const [path, methods] of Object.entries(document.paths)) {
    if (methods.post) describeImageRoute(document, path, methods.post);
    for (const operation of [methods.get, methods.post, methods.delete]) {
      if (operation) operation.security = securityOf(path);
    }
  }
  document.tags = describeTags(document);
  return document;
}

/** Which credentials a client may send; `{}`: none, if the service requires none. */
function securityOf(path: string): NonNullable<Operation['security']> {
  if (path.startsWith(ADMIN_API_PATH)) return [{ bearer: [] }];
  return path.startsWith('/api/') ? [{}, { api_key: [] }, { bearer: [] }] : [];
}

/** The tags of the operations that this role serves. */
function describeTags({ paths }: OpenAPIObject): NonNullable<OpenAPIObject['tags']> {
  const used = new Set(Object.values(paths).flatMap(({ get, post }) => [...(get?.tags ?? []), ...(post?.tags ?? [])]));
  return Object.entries(TAGS)
    .filter(([name]) => used.has(name))
    .map(([name, description]) => ({ name, description }));
}

/** What `@TakesImage` declares, and the decorators of the framework cannot say. */
function describeImageRoute(document: OpenAPIObject, path: string, operation: Operation & ImageOperation): void {
  const route = operation[IMAGE_ROUTE]?.of();
  Reflect.deleteProperty(operation, IMAGE_ROUTE);
  if (!route?.options) return;
  const isJson = path.endsWith(JSON_SUFFIX);
  if (isJson) describeJsonUpload(document, operation, route.options);
  else describeUpload(document, operation, route.options);
  if (route.kind === 'mask') describeMaskAnswer(document, operation, isJson);
}

/** Files cannot be described by the schema that validates the text fields. */
function describeBatchForm(document: OpenAPIObject): void {
  const files = (description: string) => ({ type: 'array', items: { type: 'string', format: 'binary' }, description });
  const properties = {
    ...batchFields(),
    file: files('Images'),
    archive: files('ZIP, tar and tar.gz files with images'),
    urls: { type: 'string', description: 'URLs of images, one per line' },
  };
  addComponents(document, { BatchForm: { type: 'object', required: ['kind'], properties } });
}

/** Members of the JSON have the names of the fields of the form, and objects and numbers where the form has texts. */
function describeBatchJson(document: OpenAPIObject, operation: Operation): void {
  const properties = {
    ...batchFields(),
    options: { type: 'object', description: 'Options for all images: MaskOptions or DetectOptions' },
    source: toJsonSchema(batchSourceSchema, 'input').schema,
    output: toJsonSchema(batchOutputFieldSchema, 'input').schema,
    urls: { type: 'array', items: { type: 'string' }, description: 'URLs of images. The JSON is limited to 4 MiB' },
  };
  // Named by its description.
  addComponents(document, toJsonSchema(maskOptionsSchema, 'input').components);
  addComponents(document, { BatchJson: { type: 'object', required: ['kind'], properties } });
  const { content } = operation.requestBody as { content: Record<string, object> };
  content['application/json'] = { schema: { $ref: '#/components/schemas/BatchJson' } };
}

function batchFields(): Record<string, JsonSchema> {
  return toJsonSchema(batchFieldsSchema, 'input').schema['properties'] as Record<string, JsonSchema>;
}

/** What this service sends to others, which no controller has */
function describeWebhooks(document: OpenAPIObject): void {
  const { schema, components } = toJsonSchema(webhookEventSchema, 'output');
  addComponents(document, components);
  const header = (name: string, description: string) =>
    ({ name, in: 'header', required: true, description, schema: { type: 'string' } }) as const;
  document.webhooks = {
    batchEnded: {
      post: {
        operationId: 'batchEnded',
        tags: ['jobs'],
        summary: 'A batch has ended',
        description:
          'Sent to the URL in the field `webhook` of a batch, signed as Standard Webhooks specifies. It is retried for a day, until the response has a status of 2xx, or 410.',
        parameters: [
          header('webhook-id', 'The same for each attempt, to recognize repetitions'),
          header('webhook-timestamp', 'Time of this attempt, in seconds since the epoch'),
          header('webhook-signature', '`v1,` and the HMAC-SHA256 of ID, timestamp and body, as base64'),
        ],
        requestBody: { required: true, content: { 'application/json': { schema } } },
        responses: { '2XX': { description: 'Received: it is not sent again' } },
        security: [],
      },
    },
  };
}

/** Schemas with an id become components of the document and are referenced. */
function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): { schema: JsonSchema; components: JsonSchema } {
  const { $defs = {}, ...own } = withinDocument(z.toJSONSchema(schema, { target: 'draft-2020-12', io }));
  delete own['$schema'];
  const { id } = own;
  if (typeof id !== 'string') return { schema: own, components: $defs as JsonSchema };
  return { schema: { $ref: `#/components/schemas/${id}` }, components: { ...($defs as JsonSchema), [id]: own } };
}

/** The properties of an option schema, which becomes a component of the document */
function describeOptions(document: OpenAPIObject, options: z.ZodObject) {
  const { components } = toJsonSchema(options, 'input');
  addComponents(document, components);
  return components[String(options.meta()?.id)] as { properties: Record<string, JsonSchema>; required?: string[] };
}

function headerParameters({ parameters = [] }: Operation): NonNullable<Operation['parameters']> {
  return parameters.filter((parameter) => 'in' in parameter && parameter.in === 'header');
}

/** Entries that are names, of which a URL can hold all. */
function isShort({ enum: names }: JsonSchema): boolean {
  return names !== undefined;
}

/**
 * An image as a form or as bytes. Each option is listed once: as a query parameter, which both have, or beside the file
 * if it may be too long for a URL.
 */
function describeUpload(document: OpenAPIObject, operation: Operation, options: z.ZodObject): void {
  const { properties, required = [] } = describeOptions(document, options);
  const isLong = ([name, { type, items }]: [string, JsonSchema]) =>
    (type === 'array' && !isShort(items as JsonSchema)) || required.includes(name);
  const all = Object.entries(properties);
  operation.parameters = [
    ...headerParameters(operation),
    ...all
      .filter((option) => !isLong(option))
      .map(([name, schema]) => ({ name, in: 'query' as const, required: false, schema })),
  ];
  operation.requestBody = {
    description:
      'The image. Each option can be sent as a query parameter or as a form field; once, and in any order. JSON is accepted as well: `{"image": "<base64>"}`, with options as members.',
    required: true,
    content: {
      'multipart/form-data': {
        schema: {
          type: 'object',
          required: ['file', ...required],
          properties: {
            file: { ...BINARY, description: 'The image file' },
            ...Object.fromEntries(all.filter(isLong)),
          },
        },
      },
      'image/*': { schema: BINARY },
    },
  };
}

/** The same operation for generated clients, which know only one type of request and of response for each operation. */
function describeJsonUpload(document: OpenAPIObject, operation: Operation, options: z.ZodObject): void {
  const { properties, required = [] } = describeOptions(document, options);
  operation.operationId = `${operation.operationId}Json`;
  operation.summary = `${operation.summary}, with JSON`;
  operation.description = 'The image and the response are JSON.';
  operation.parameters = headerParameters(operation);
  operation.requestBody = {
    required: true,
    content: {
      'application/json': {
        schema: {
          type: 'object',
          ...(required.length > 0 && { required }),
          properties: {
            image: {
              type: 'string',
              format: 'byte',
              description: 'The image as base64, or as a data URL; or else its url',
            },
            url: { type: 'string', format: 'uri', description: 'URL of the image, on a host in FACE_API_FETCH_ALLOW' },
            ...properties,
          },
        },
        example: { image: SMALLEST_IMAGE },
      },
    },
  };
}

/** The response has headers and is no JSON, which the decorators cannot describe. */
function describeMaskAnswer(document: OpenAPIObject, operation: Operation, isJson: boolean): void {
  const { schema, components } = toJsonSchema(maskedSchema, 'output');
  addComponents(document, components);
  const integer = (description: string) => ({ description, schema: { type: 'integer' } });
  const text = (description: string) => ({ description, schema: { type: 'string' } });
  Object.assign(operation.responses, {
    200: {
      description: 'The masked image',
      headers: {
        'X-Job-Id': text('ID of the stored job; absent if none is stored'),
        'X-Face-Count': integer('Number of faces detected'),
        'X-Smallest-Face-Px': {
          description: 'Faces whose longer side is shorter, in pixels of the image, may be missed',
          schema: { type: 'number' },
        },
        'X-Notes': text('The notes of the JSON answer, separated by commas; absent if there are none'),
        'X-Skipped-Looks': integer('Number of looks for which latency_budget_ms left no time'),
        'X-Masked-Count': integer('Number of faces and regions masked'),
        'X-Uncertain-Count': integer('How many of the faces have a score below the threshold; see review_threshold'),
        'X-Mask-Verified': text('Outcome, rounds and added boxes of the verification, if requested'),
        'X-Metadata': text(
          'What came of the requested metadata, as in `time=carried, place=missing`; absent if not requested',
        ),
        'X-Mask-Receipt': text(
          'The receipt, if requested and short enough for a header; the JSON response always has it',
        ),
        'X-Mask-Assurance': text('irreversible, or reversible for the methods gaussian and mosaic'),
        'X-Request-Id': text('Request ID'),
        'X-Model': text('Name of the detector'),
        'Server-Timing': text('Time per stage in milliseconds'),
      },
      content: isJson ? { 'application/json': { schema } } : { 'image/*': { schema: BINARY } },
    },
  });
}

/** Points the references of a schema to the components of the document. */
function withinDocument(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema).replaceAll('#/$defs/', '#/components/schemas/')) as JsonSchema;
}

function addComponents(document: OpenAPIObject, components: JsonSchema): void {
  Object.assign(((document.components ??= {}).schemas ??= {}), components);
}
