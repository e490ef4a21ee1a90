import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { crowd, encode, portrait } from './fixtures/portraits.ts';
import { expectAccessible, hasBrowser, screenshot, type Visitor, visit } from './support/browser.ts';
import { openBrowser } from './support/chromium.ts';
import { type Environment, type Service, startService } from './support/service.ts';

const SECRET = 'a-key-for-the-page-0123';
const photo = { name: 'group.jpg', mimeType: 'image/jpeg', buffer: await encode(crowd(3), 'jpeg') };
const ROLES: Record<string, Environment> = {
  all: {},
  'with keys': { FACE_API_API_KEYS: `page:${SECRET}`, FACE_API_MAX_UPLOAD_BYTES: '1500000' },
  api: { FACE_API_ROLE: 'api', FACE_API_DOCS_ENABLED: 'false' },
  admin: { FACE_API_ROLE: 'admin' },
};
const services = new Map<string, Service>();

beforeAll(async () => {
  for (const [name, environment] of Object.entries(ROLES)) services.set(name, await startService(environment));
});
afterAll(async () => {
  for (const service of services.values()) await service.close();
});

const urlOf = (name: string) => services.get(name)!.url;

describe('GET / for a program', () => {
  const paths = {
    detect: '/api/v1/detect',
    mask: '/api/v1/mask',
    api_key_required: false,
    documentation: '/docs',
    openapi: '/openapi.json',
    console: '/admin',
  };

  it.each([
    ['all', paths],
    ['with keys', { ...paths, api_key_required: true }],
    ['api', { ...paths, console: null, documentation: null, openapi: null }],
    ['admin', { ...paths, detect: null, mask: null }],
  ])('says what a service of the role "%s" serves', async (name, expected) => {
    for (const accept of ['*/*', 'application/json', 'application/json, text/html;q=0.9']) {
      const response = await fetch(urlOf(name), { headers: { accept } });

      expect(response.headers.get('content-type')).toContain('application/json');
      expect(await response.json()).toMatchObject({ name: 'Face API', ...expected });
    }
  });
});

describe.skipIf(!hasBrowser)('GET / in a browser', () => {
  let browser: Browser;
  let visitor: Visitor;

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });

  const open = async (name: string, options: Parameters<typeof visit>[2] = {}) => {
    visitor = await visit(browser, urlOf(name), options);
    await visitor.page.goto('/');
    return visitor.page;
  };

  it('masks the photo that is chosen, and gives it to be downloaded', async () => {
    const page = await open('all');
    await page.getByLabel('Choose a photo').setInputFiles(photo);
    const picture = page.getByRole('img', { name: 'The photo with its faces masked' });
    await picture.waitFor();

    expect(await page.locator('figcaption').textContent()).toContain('3 faces masked.');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('masked-group.jpg');
  });

  it('asks for an API key where one is required', async () => {
    const page = await open('with keys');
    await page.getByLabel('Choose a photo').setInputFiles(photo);
    await page.getByText('Enter the API key first').waitFor();
    await page.getByLabel('API key').fill('wrong');
    await page.getByLabel('Choose a photo').setInputFiles(photo);
    await page.getByText('Authentication required. Send a valid API key').waitFor();
    await page.getByLabel('API key').fill(SECRET);
    await page.getByLabel('Choose a photo').setInputFiles(photo);
    await page.getByText('3 faces masked.').waitFor();
  });

  it('says before the upload that a file is too large, and passes on what the service says', async () => {
    const page = await open('with keys');
    await page.getByLabel('API key').fill(SECRET);
    await page.getByText('Up to 1.5 MB').waitFor();
    await page.getByLabel('Choose a photo').setInputFiles({ ...photo, buffer: Buffer.alloc(1_500_001) });
    await page.getByText('The file is larger than this service accepts').waitFor();
    expect(visitor.answers).toEqual([]);
    await page.getByLabel('Choose a photo').setInputFiles({ ...photo, buffer: Buffer.from('no image') });
    await page.getByText('Unsupported image type.').waitFor();
  });

  it('links to what is served and to nothing else', async () => {
    const linked = async (name: string) => {
      const page = await open(name);
      const links = await Promise.all((await page.locator('nav a').all()).map((link) => link.getAttribute('href')));
      const hasUpload = (await page.locator('input[type=file]').count()) === 1;
      return { links, hasUpload };
    };

    expect(await linked('all')).toEqual({ links: ['/docs', '/openapi.json', '/admin'], hasUpload: true });
    await visitor.leave();
    expect(await linked('api')).toEqual({ links: [], hasUpload: true });
    await visitor.leave();
    expect(await linked('admin')).toEqual({ links: ['/docs', '/openapi.json', '/admin'], hasUpload: false });
  });

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 360],
    ['dark', 360],
  ] as const)('is accessible and fits: %s, %i px', async (colorScheme, width) => {
    const page = await open('with keys', { colorScheme, viewport: { width, height: 800 } });
    await expectAccessible(page, 'before the upload');
    await page.getByLabel('API key').fill(SECRET);
    const picture = { ...photo, buffer: await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg') };
    await page.getByLabel('Choose a photo').setInputFiles(picture);
    await page.getByText('1 face masked.').waitFor();
    await expectAccessible(page, 'with the result');
    await screenshot(page, `home-${colorScheme}-${width}`);

    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  });
});
