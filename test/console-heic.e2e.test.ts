import { rm } from 'node:fs/promises';
import type { Browser, Locator, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encodeHeic, hasHeicEncoder } from './fixtures/heic.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import {
  expectAccessible,
  hasBrowser,
  inEachLook,
  screenshot,
  settled,
  signIn,
  type Visitor,
  visit,
} from './support/browser.ts';
import { openBrowser } from './support/chromium.ts';
import { operatorSettings } from './support/operator.ts';
import { type Service, startService } from './support/service.ts';

const SIZE = { width: 600, height: 720 };

describe.skipIf(!hasBrowser || !hasHeicEncoder)('a HEIC, which Chromium does not show', () => {
  let browser: Browser;
  let folder: string;
  let service: Service;
  let visitor: Visitor;
  let page: Page;

  beforeAll(async () => {
    browser = await openBrowser();
    folder = await makeDataFolder('console-heic');
    service = await startService({
      ...(await operatorSettings()),
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
    });
    visitor = await visit(browser, service.url, { reducedMotion: 'reduce' });
    page = visitor.page;
    await signIn(page, '/admin/playground');
  });
  afterAll(async () => {
    expect(visitor.complaints).toEqual([]);
    await browser.close();
    await service.close();
    await rm(folder, { recursive: true });
  });

  const look = (what: string) =>
    inEachLook(page, async (colorScheme, width) => {
      await expectAccessible(page, `${what}, ${colorScheme}, ${width} pixels`);
      await screenshot(page, `${what}-${colorScheme}-${width}`);
    });

  it('is shown in the playground, with its faces, and is masked as a JPEG', async () => {
    const photo = await encode(portrait({ faceHeight: 220, ...SIZE }), 'png');
    const buffer = await encodeHeic(photo, '-q', '90');
    // Browsers do not know the type of the file.
    await page.getByLabel('Photo', { exact: true }).setInputFiles([{ name: 'IMG_1.HEIC', mimeType: '', buffer }]);
    await page.getByText('1 face at threshold').waitFor();
    await page.locator('.stage rect.line').first().waitFor();
    expect(await shownWidth(page.locator('.stage img'))).toBe(SIZE.width);
    await page.getByText('Masked', { exact: true }).first().click();
    await page.getByText('1 masked').waitFor();
    await page.getByText('-o IMG_1-masked.jpg').waitFor();
    const downloading = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toBe('IMG_1-masked.jpg');
    expect(await sharp(await download.path()).metadata()).toMatchObject({ format: 'jpeg', ...SIZE });
    await look('playground-heic');
    await page.setViewportSize({ width: 1280, height: 860 });
  });

  it('is shown among the images, and on its page with the faces', async () => {
    await page.getByRole('link', { name: 'Images' }).click();
    await page.getByLabel('Type').selectOption('HEIC');
    await page.waitForURL('**/admin/images?type=heic');
    const image = page.locator('ul.grid a').first();
    await expect.poll(() => shownWidth(image.locator('img'))).toBeGreaterThan(0);
    await image.click();
    await page.locator('.stage rect.line').first().waitFor();
    await settled(page);
    await expect.poll(() => shownWidth(page.locator('.stage img').first())).toBeGreaterThan(0);
    await look('image-heic');
  });
});

function shownWidth(image: Locator): Promise<number> {
  return image.evaluate(({ naturalWidth }: { naturalWidth: number }) => naturalWidth);
}
