import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';
import { playgroundDetectOptionsSchema, playgroundMaskOptionsSchema } from './admin/playground/schemas.ts';
import { problems } from './errors/domain-error.ts';
import { PROBLEM_CONTENT_TYPE, problemSchema } from './errors/problem.ts';
import { detectOptionsSchema } from './inference/schemas.ts';
import { checkOptionsSchema } from './receipts/schemas.ts';
import { maskedSchema, maskOptionsSchema } from './masking/schemas.ts';

type JsonSchema = Record<string, unknown>;
type Operation = NonNullable<OpenAPIObject['paths'][string]['post']>;

/** The OpenAPI 3.1 document, generated from the schemas that validate. */
export function buildOpenApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const info = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Face API')
    .setDescription('Detects and masks faces in images.')
    .setVersion('1')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key' }, 'api_key')
    .addBearerAuth()
    .build();
  const document = SwaggerModule.createDocument(app, info, {
    standardSchemaConverter: (schema, { schemaType }) =>
      schema instanceof z.ZodType ? toJsonSchema(schema, schemaType) : undefined,
  });
  addComponents(document, toJsonSchema(problemSchema, 'output').components);
  for (const [path, options] of Object.entries(IMAGE_OPERATIONS)) {
    const operation = document.paths[path]?.post;
    // Each role serves only some of them.
    if (operation) describeImageOperation(document, operation, options);
  }
  for (const path of MASK_OPERATIONS) {
    const operation = document.paths[path]?.post;
    if (operation) describeMaskAnswer(document, operation);
  }
  return document;
}

const IMAGE_OPERATIONS: Readonly<Record<string, z.ZodObject>> = {
  '/api/v1/detect': detectOptionsSchema,
  '/api/v1/mask': maskOptionsSchema,
  '/api/v1/receipts/verify': checkOptionsSchema,
  '/api/v1/admin/playground/detect': playgroundDetectOptionsSchema,
  '/api/v1/admin/playground/mask': playgroundMaskOptionsSchema,
};
const MASK_OPERATIONS = ['/api/v1/mask', '/api/v1/admin/playground/mask'];

/** Schemas with an id become components of the document and are referenced. */
function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): { schema: JsonSchema; components: JsonSchema } {
  const { $defs = {}, ...own } = withinDocument(z.toJSONSchema(schema, { target: 'draft-2020-12', io }));
  delete own['$schema'];
  const { id } = own;
  if (typeof id !== 'string') return { schema: own, components: $defs as JsonSchema };
  return { schema: { $ref: `#/components/schemas/${id}` }, components: { ...($defs as JsonSchema), [id]: own } };
}

/** Describes the three ways to send an image with its options, and the possible errors. */
function describeImageOperation(document: OpenAPIObject, operation: Operation, options: z.ZodObject): void {
  const example = options === checkOptionsSchema ? { receipt: 'eyJhbGciOiJFZERTQSJ9…' } : { threshold: 0.4 };
  const described = toJsonSchema(options, 'input');
  addComponents(document, described.components);
  const { properties } = described.components[String(options.meta()?.id)] as { properties: Record<string, JsonSchema> };
  operation.parameters = Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    ...(schema['type'] === 'array' ? { content: { 'application/json': { schema } } } : { schema }),
  }));
  const image = (schema: JsonSchema, name: string) => ({
    type: 'object',
    required: [name],
    properties: { [name]: schema, ...properties },
  });
  operation.requestBody = {
    required: true,
    content: {
      'multipart/form-data': { schema: image({ type: 'string', format: 'binary' }, 'file') },
      'image/*': { schema: { type: 'string', format: 'binary' } },
      'application/json': {
        schema: image({ type: 'string', format: 'byte', description: 'The image as base64' }, 'image'),
        example: { image: '/9j/4AAQSkZJRg…', ...example },
      },
    },
  };
  describeProblems(operation);
}

const IMAGE_PROBLEMS = [400, 401, 408, 413, 415, 422, 429, 431, 500, 503, 504];

function describeProblems(operation: Operation): void {
  for (const status of IMAGE_PROBLEMS) {
    const titles = Object.values(problems).filter((problem) => problem.status === status);
    Object.assign(operation.responses, {
      [status]: {
        description: titles.map(({ title }) => title).join('; '),
        content: { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
        ...(status === 503 && {
          headers: {
            'Retry-After': { schema: { type: 'integer' }, description: 'Seconds to wait before trying again' },
          },
        }),
      },
    });
  }
}

/** The response depends on the header Accept, which the decorators cannot describe. */
function describeMaskAnswer(document: OpenAPIObject, operation: Operation): void {
  const { schema, components } = toJsonSchema(maskedSchema, 'output');
  addComponents(document, components);
  const integer = (description: string) => ({ description, schema: { type: 'integer' } });
  const text = (description: string) => ({ description, schema: { type: 'string' } });
  Object.assign(operation.responses, {
    200: {
      description: 'The masked image',
      headers: {
        'X-Face-Count': integer('Number of faces detected'),
        'X-Masked-Count': integer('Number of faces and regions masked'),
        'X-Mask-Verified': text('Outcome, rounds and added boxes of the verification, if requested'),
        'X-Mask-Receipt': text(
          'The receipt, if requested and short enough for a header; the JSON response always has it',
        ),
        'X-Mask-Assurance': text('irreversible, or reversible for the methods gaussian and mosaic'),
        'X-Request-Id': text('Request ID'),
        'X-Model': text('Name of the detector'),
        'Server-Timing': text('Time per stage in milliseconds'),
      },
      content: {
        'image/*': { schema: { type: 'string', format: 'binary' } },
        'application/json': { schema },
      },
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
