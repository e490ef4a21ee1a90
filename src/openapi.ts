import { writeFile } from 'node:fs/promises';
import { createApp } from './app.setup.ts';
import { readConfiguration } from './config/configuration.ts';
import { buildOpenApiDocument } from './openapi-document.ts';

/** `npm run openapi`: writes openapi.json, which is committed and compared in the tests. */
const app = await createApp(readConfiguration({ FACE_API_LOG_LEVEL: 'error' }));
await writeFile('openapi.json', `${JSON.stringify(buildOpenApiDocument(app), null, 2)}\n`);
process.exit(0);
