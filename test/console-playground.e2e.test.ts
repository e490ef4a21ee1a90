import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
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
import { bearer, operatorSettings } from './support/operator.ts';
import { expectProblem, type Service, startService } from './support/service.ts';

const MAX_UPLOAD_BYTES = 3_000_000;
const one = portrait({ faceHeight: 220, width: 600, height: 720 });
const other = portrait({ faceHeight: 200, width: 640, height: 640, seed: 7 });
const jpeg = await encode(one, 'jpeg');
const tiff = await encode(one, 'tiff');
const file = (name: string, buffer: Buffer, mimeType = 'image/jpeg') => ({ name, mimeType, buffer });

describe.skipIf(!hasBrowser)('the playground', () => {
  let browser: Browser;
  let service: Service;
  let visitor: Visitor;

  beforeAll(async () => {
    browser = await openBrowser();
    service = await startService({
      ...(await operatorSettings()),
      FACE_API_MAX_UPLOAD_BYTES: String(MAX_UPLOAD_BYTES),
      FACE_API_MAX_PIXELS: '7000000',
    });
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
  });
  afterEach(async () => {
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });

  const arrive = async (options: Parameters<typeof visit>[2] = {}) => {
    visitor = await visit(browser, service.url, { reducedMotion: 'reduce', ...options });
    await signIn(visitor.page, '/admin/playground');
    return visitor.page;
  };
  const choose = (page: Page, ...files: ReturnType<typeof file>[]) =>
    page.getByLabel('Photo', { exact: true }).setInputFiles(files);
  const sent = (end: string) => visitor.answers.filter(({ path }) => path.endsWith(`/playground/${end}`)).length;
  const photos = (page: Page) => page.getByRole('list', { name: 'Photos' }).getByRole('button');

  it('keeps photo and settings while other pages are visited', async () => {
    const page = await arrive();
    await choose(page, file('first.jpg', jpeg));
    await page.getByText('at threshold').waitFor();
    await page.getByText('Masked', { exact: true }).first().click();
    await page.getByText('1 masked').waitFor();
    await page.getByLabel('Method').selectOption('solid');
    await page.getByLabel('Threshold', { exact: true }).fill('0.4');
    await page.getByText('1 masked').waitFor();
    const [detections, maskings] = [sent('detect'), sent('mask')];
    await page.getByRole('link', { name: 'System' }).click();
    await page.getByRole('heading', { name: 'System' }).waitFor();
    await page.getByRole('link', { name: 'Playground', exact: true }).click();
    await page.getByText('1 masked').waitFor();
    await settled(page);
    expect(await page.getByLabel('Method').inputValue()).toBe('solid');
    expect(await page.getByLabel('Threshold', { exact: true }).inputValue()).toBe('0.4');
    expect([sent('detect'), sent('mask')]).toEqual([detections, maskings]);
  });

  it('says its limits before a photo is sent, and sends none beyond them', async () => {
    const page = await arrive();
    await page.getByText('Up to 3.0 MB and 7 megapixels, 200 frames or pages.').waitFor();
    await choose(page, file('large.jpg', Buffer.concat([jpeg, Buffer.alloc(MAX_UPLOAD_BYTES)])));
    await page.getByText(/^large\.jpg has 3\.\d MB; the limit is 3\.0 MB\. Choose a smaller file\.$/).waitFor();
    expect(sent('detect')).toBe(0);
  });

  it('offers to try again where that may help, and only there', async () => {
    const page = await arrive();
    const again = page.getByRole('button', { name: 'Try again' });
    await choose(page, file('half.jpg', jpeg.subarray(0, jpeg.length / 2)));
    await page.getByRole('alert').filter({ hasText: '.' }).first().waitFor();
    expect(await again.count()).toBe(0);
    await page.route('**/playground/detect', (route) => route.abort());
    await choose(page, file('whole.jpg', jpeg));
    await page.getByText('Service unreachable').waitFor();
    await page.unroute('**/playground/detect');
    await again.click();
    await page.getByText('at threshold').waitFor();
  });

  it('shows all photos that were dropped, and sends those that are looked at', async () => {
    const page = await arrive();
    const second = await encode(other, 'jpeg');
    const dropped = await page.evaluateHandle(
      `((photos) => {
        const transfer = new DataTransfer();
        for (const [name, type, base64] of photos) {
          const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
          transfer.items.add(new File([bytes], name, { type }));
        }
        return transfer;
      })(${JSON.stringify([
        ['first.jpg', 'image/jpeg', jpeg.toString('base64')],
        ['notes.txt', 'text/plain', Buffer.from('no image').toString('base64')],
        ['second.jpg', 'image/jpeg', second.toString('base64')],
      ])})`,
    );
    await page.dispatchEvent('main', 'drop', { dataTransfer: dropped });
    await page.getByText('at threshold').waitFor();
    await page.getByText('notes.txt is not an image.').waitFor();
    expect(await photos(page).allTextContents()).toEqual(
      ['first.jpg', 'second.jpg'].map((name) => expect.stringContaining(name) as string),
    );
    expect(sent('detect')).toBe(1);
    await photos(page).nth(1).click();
    await page.getByRole('img', { name: 'second.jpg' }).waitFor();
    await page.getByText('at threshold').waitFor();
    await expect.poll(() => sent('detect')).toBe(2);
    await photos(page).nth(0).click();
    await page.getByText('at threshold').waitFor();
    expect(sent('detect')).toBe(2);
    await inEachLook(page, async (colorScheme, width) => {
      await expectAccessible(page, `several photos, ${colorScheme}, ${width} pixels`);
      await screenshot(page, `playground-photos-${colorScheme}-${width}`);
    });
  });

  it('shows a TIFF and what is masked of it through the service, since browsers show none', async () => {
    const page = await arrive();
    await choose(page, file('scan.tiff', tiff, 'image/tiff'));
    await page.getByText('at threshold').waitFor();
    const original = page.getByRole('img', { name: 'scan.tiff', exact: true });
    await original.waitFor();
    await expect.poll(() => naturalWidth(page, '.stage img')).toBe(600);
    await page.getByText('Masked', { exact: true }).first().click();
    await page.getByText('1 masked').waitFor();
    await expect.poll(() => naturalWidth(page, '.stage img.masked')).toBe(600);
    const downloading = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toBe('scan-masked.tiff');
    expect((await sharp(await download.path()).metadata()).format).toBe('tiff');
    await expectAccessible(page, 'a masked TIFF');
    await screenshot(page, 'playground-tiff');
  });

  it('says of an animation that its frames stay, and of the rest that it is removed', async () => {
    const page = await arrive();
    const frames = await Promise.all(
      [1, 0.9, 0.8].map((brightness) => sharp(jpeg).resize(300).modulate({ brightness }).png().toBuffer()),
    );
    const animated = await sharp(frames, { join: { animated: true } })
      .withExif({ IFD0: { Artist: 'Somebody' } })
      .webp({ delay: [100, 200, 300] })
      .toBuffer();
    await choose(page, file('waving.webp', animated, 'image/webp'));
    await page.getByText('at threshold').waitFor();
    await page.getByText('This file has 3 frames or pages.').waitFor();
    await page.getByText('The masked image keeps all of them').waitFor();
    const warning = page.getByText('This file contains hidden data');
    expect(await warning.textContent()).toContain('exif');
    expect(await warning.textContent()).not.toContain('frames');
    await expectAccessible(page, 'an animation');
    await screenshot(page, 'playground-animation');
  });

  it('gives no preview of what is no image, and none without a login', async () => {
    const page = await arrive();
    await page.getByRole('heading', { name: 'Playground' }).waitFor();
    const preview = (body: Buffer, headers = {}) =>
      fetch(`${service.url}/api/v1/admin/playground/preview`, {
        method: 'POST',
        headers: { 'content-type': 'image/tiff', ...headers },
        body: Uint8Array.from(body),
      });
    await expectProblem(await preview(tiff), 401, 'unauthorized');
    await expectProblem(await preview(Buffer.from('no image'), bearer), 415, 'unsupported-image');
    const response = await preview(tiff, bearer);
    expect(response.headers.get('content-type')).toBe('image/webp');
    expect(await sharp(await response.arrayBuffer()).metadata()).toMatchObject({ width: 600, height: 720 });
  });
});

function naturalWidth(page: Page, selector: string): Promise<number> {
  return page.evaluate<number>(`document.querySelector(${JSON.stringify(selector)})?.naturalWidth ?? 0`);
}
