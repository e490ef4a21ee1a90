import { readFile } from 'node:fs/promises';
import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript';
import { expect, it } from 'vitest';

it('the console’s client is typed by the committed openapi.json (else: npm run client -w admin)', async () => {
  const types = await openapiTS(new URL('../openapi.json', import.meta.url));
  const committed = await readFile(new URL('../admin/src/lib/api/schema.d.ts', import.meta.url), 'utf8');
  expect(committed).toBe(COMMENT_HEADER + astToString(types));
});
