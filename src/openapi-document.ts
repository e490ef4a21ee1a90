import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';
import { problemSchema } from './errors/problem.ts';
import { IMAGE_ROUTE, type ImageOperation } from './http/takes-image.ts';
import { batchFieldsSchema } from './jobs/api/schemas.ts';
import { maskedSchema } from './masking/schemas.ts';

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
  if (document.paths['/api/v1/jobs']) describeBatchForm(document);
  for (const { post } of Object.values(document.paths)) if (post) describeImageRoute(document, post);
  return document;
}

/** What `@TakesImage` declares, and the decorators of the framework cannot say. */
function describeImageRoute(document: OpenAPIObject, operation: Operation & ImageOperation): void {
  const route = operation[IMAGE_ROUTE]?.of();
  Reflect.deleteProperty(operation, IMAGE_ROUTE);
  if (!route?.options) return;
  describeUpload(document, operation, route.options);
  if (route.kind === 'mask') describeMaskAnswer(document, operation);
}

/** Files cannot be described by the schema that validates the text fields. */
function describeBatchForm(document: OpenAPIObject): void {
  const { schema } = toJsonSchema(batchFieldsSchema, 'input');
  const files = (description: string) => ({ type: 'array', items: { type: 'string', format: 'binary' }, description });
  const properties = {
    ...(schema['properties'] as JsonSchema),
    file: files('Images'),
    archive: files('ZIP files with images'),
  };
  addComponents(document, { BatchForm: { type: 'object', required: ['kind'], properties } });
}

/** Schemas with an id become components of the document and are referenced. */
function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): { schema: JsonSchema; components: JsonSchema } {
  const { $defs = {}, ...own } = withinDocument(z.toJSONSchema(schema, { target: 'draft-2020-12', io }));
  delete own['$schema'];
  const { id } = own;
  if (typeof id !== 'string') return { schema: own, components: $defs as JsonSchema };
  return { schema: { $ref: `#/components/schemas/${id}` }, components: { ...($defs as JsonSchema), [id]: own } };
}

/** The three ways of sending an image, its options beside it or as query parameters. */
function describeUpload(document: OpenAPIObject, operation: Operation, options: z.ZodObject): void {
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
        example: { image: '/9j/4AAQSkZJRg…', ...examplesOf(properties) },
      },
    },
  };
}

function examplesOf(properties: Record<string, JsonSchema>): JsonSchema {
  const given = Object.entries(properties).filter(([, { examples }]) => Array.isArray(examples));
  return Object.fromEntries(given.map(([name, { examples }]) => [name, (examples as unknown[])[0]]));
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
        'X-Smallest-Face-Px': {
          description: 'Faces whose longer side is shorter, in pixels of the image, may be missed',
          schema: { type: 'number' },
        },
        'X-Skipped-Looks': integer('Number of looks for which latency_budget_ms left no time'),
        'X-Masked-Count': integer('Number of faces and regions masked'),
        'X-Uncertain-Count': integer('How many of the faces have a score below the threshold; see review_threshold'),
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
