import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crowd, encode } from './fixtures/portraits.ts';
import { hasBrowser, type Visitor, visit } from './support/browser.ts';
import { openBrowser } from './support/chromium.ts';
import { send, type Service, startService } from './support/service.ts';

const SECRET = 'a-key-for-the-docs-0123';
const photo = await encode(crowd(10), 'jpeg');
const file = { name: 'group.jpg', mimeType: 'image/jpeg', buffer: photo };

describe.skipIf(!hasBrowser)('"Try it out" in the interactive documentation', () => {
  let browser: Browser;
  let service: Service;
  let visitor: Visitor;

  beforeAll(async () => {
    browser = await openBrowser();
    service = await startService({ FACE_API_API_KEYS: `docs:${SECRET}` });
    visitor = await visit(browser, service.url);
    await visitor.page.goto('/docs');
    await visitor.page.getByRole('button', { name: 'Authorize' }).click();
    const dialog = visitor.page.locator('.modal-ux');
    await dialog.locator('input').first().fill(SECRET);
    await dialog
      .getByRole('button', { name: /authorize|apply/i })
      .first()
      .click();
    await dialog.locator('.close-modal').click();
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
  });

  const open = async (operationId: string): Promise<Locator> => {
    const operation = visitor.page.locator(`#operations-faces-${operationId}`);
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Try it out' }).click();
    return operation;
  };

  const execute = async (operation: Locator) => {
    const [response] = await Promise.all([
      visitor.page.waitForResponse((answer) => answer.url().includes('/api/v1/'), { timeout: 60_000 }),
      operation.getByRole('button', { name: 'Execute' }).click(),
    ]);
    return response;
  };

  it.each(['detect', 'mask'] as const)('of %s sends the file and nothing else', async (endpoint) => {
    const operation = await open(endpoint);
    await operation.locator('input[type=file]').setInputFiles(file);
    const response = await execute(operation);
    const wanted = await send(service.url, endpoint, photo, { headers: { 'x-api-key': SECRET } });

    expect(response.status()).toBe(200);
    expect(new URL(response.url()).search).toBe('');
    for (const name of ['x-face-count', 'x-masked-count']) {
      expect(response.headers()[name] ?? null).toBe(wanted.headers.get(name));
    }
    expect(Number(response.headers()['x-face-count'])).toBeGreaterThan(5);
  });

  it.each(['detectJson', 'maskJson'])('of %s has an example that can be sent as it is', async (operationId) => {
    const response = await execute(await open(operationId));

    expect(response.status()).toBe(200);
    expect(Object.keys(response.request().postDataJSON() as object)).toEqual(['image']);
  });
});
