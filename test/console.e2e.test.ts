import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { v7 } from 'uuid';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FinishedJob } from '../src/storage/job.ts';
import { JobRecorder } from '../src/storage/job-recorder.ts';
import { Spool } from '../src/storage/spool/spool.ts';
import { type Box, iou } from '../src/vision/geometry.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import {
  boxOnPicture,
  expectAccessible,
  hasBrowser,
  screenshot,
  settled,
  signIn,
  type Visitor,
  visit,
} from './support/browser.ts';
import { openBrowser } from './support/chromium.ts';
import { drawScene, encode, PLAIN_LOOK, portrait } from './fixtures/portraits.ts';
import { finishedJob } from './fixtures/stored-jobs.ts';
import { operatorSettings, PASSWORD } from './support/operator.ts';
import { send, type Service, startService, until } from './support/service.ts';

const PEOPLE = [230, 470, 710, 950].map((x, index) => ({
  center: [x, 330 + (index % 2) * 50] as [number, number],
  height: 150 + index * 10,
  look: PLAIN_LOOK,
}));

const one = portrait({ faceHeight: 220, width: 600, height: 720 });
const onePhoto = await encode(one, 'jpeg');
const groupPhoto = await encode(drawScene({ width: 1180, height: 720, seed: 5, people: PEOPLE }), 'jpeg');
const doubtfulPhoto = await encode(drawScene({ width: 1180, height: 720, seed: 6, people: PEOPLE }), 'jpeg');
const [left, top, right, bottom] = one.faces[0]!.box;
const drawnBox: Box = { left, top, right, bottom };

const asFile = (buffer: Buffer, name = 'photo.jpg') => ({ name, mimeType: 'image/jpeg', buffer });

describe.skipIf(!hasBrowser)('the console', () => {
  let browser: Browser;
  let folder: string;
  let service: Service;
  let visitor: Visitor;

  beforeAll(async () => {
    browser = await openBrowser();
    folder = await makeDataFolder();
    service = await startService({
      ...(await operatorSettings()),
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      FACE_API_DEFAULT_THRESHOLD: '0.49',
      FACE_API_DEFAULT_REVIEW_THRESHOLD: '0.31',
    });
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
    await rm(folder, { recursive: true });
  });
  afterEach(async () => {
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });

  const arrive = async (options: Parameters<typeof visit>[2] = {}) => {
    visitor = await visit(browser, service.url, options);
    return visitor.page;
  };
  /** What has been answered is now stored as well. */
  const stored = () => until(() => service.app.get(Spool).files === 0);
  const keep = async (job: FinishedJob) => {
    await service.app.get(JobRecorder).record(job);
    await stored();
  };
  const sendPhoto = async (photo: Buffer, options: Readonly<Record<string, unknown>> = {}) => {
    const response = await send(service.url, 'mask', photo, { options });
    expect(response.status).toBe(200);
    await stored();
    return response;
  };
  /** Masks all of the group, two of them as uncertain. */
  const sendDoubtfulGroup = async () => {
    const response = await send(service.url, 'detect', doubtfulPhoto, { options: { recall: 'high' } });
    const { faces } = (await response.json()) as { faces: { score: number }[] };
    const [, second, third, last] = faces.map(({ score }) => score);
    const options = { threshold: (second! + third!) / 2, review_threshold: last! - 0.05 };
    const masked = await sendPhoto(doubtfulPhoto, options);
    expect(masked.headers.get('x-uncertain-count')).toBe('2');
  };
  const tryInPlayground = async (page: Page, file = asFile(onePhoto)) => {
    await page.goto('/admin/playground');
    await page.getByLabel('Photo', { exact: true }).setInputFiles(file);
    await page.getByText('at threshold').waitFor();
  };

  it('takes a photo from the playground to Images and Jobs, shows its face in the right place, and erases it', async () => {
    const page = await arrive();
    await signIn(page, '/admin/playground');
    expect(new URL(page.url()).pathname).toBe('/admin/playground');
    await tryInPlayground(page);

    const face = page.locator('.stage g[role=button] rect.line').first();
    const picture = page.locator('.stage img').first();
    expect(iou(await boxOnPicture(face, picture), drawnBox)).toBeGreaterThan(0.8);
    await page.getByRole('button', { name: /^Face 1 of/ }).hover();
    await expect.poll(() => page.locator('.score').textContent()).toMatch(/^\s*0\.\d\d\s*$/);

    await stored();
    await page.getByRole('link', { name: 'Images' }).click();
    await page.locator('ul.grid a').first().click();
    await page.getByRole('heading', { name: 'About' }).waitFor();
    await settled(page);
    await until(() => page.locator('.stage g[role=button]').count());
    expect(iou(await boxOnPicture(face, picture), drawnBox)).toBeGreaterThan(0.8);
    expect(await picture.evaluate((image: { naturalWidth: number }) => image.naturalWidth)).toBe(600);

    await page.getByRole('link', { name: 'Jobs' }).click();
    await page.getByRole('row').nth(1).getByRole('link').click();
    await page.getByRole('heading', { name: /^Detect job/ }).waitFor();
    await page.getByRole('heading', { name: 'Timings' }).waitFor();

    await page.getByText('Image', { exact: true }).locator('xpath=following-sibling::dd[1]').getByRole('link').click();
    await page.getByRole('button', { name: 'Erase' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('1 job with all detected faces').waitFor();
    expect(await filesBelow(join(folder, 'objects'))).not.toEqual([]);
    await expectAccessible(page, 'the question before an erasure');
    await screenshot(page, 'erase-dialog');
    await dialog.getByRole('button', { name: 'Erase' }).click();
    await page.getByText('No images yet').waitFor();
    expect(await filesBelow(join(folder, 'objects'))).toEqual([]);
    await page.getByRole('link', { name: 'Jobs' }).click();
    await page.getByText('No jobs yet').waitFor();
    await page.goto('/admin/system/audit');
    await page.getByRole('cell', { name: 'erase', exact: true }).waitFor();
    await page.getByRole('cell', { name: 'console', exact: true }).waitFor();
  });

  it('asks for the faces once: the threshold filters in the browser', async () => {
    const page = await arrive();
    await signIn(page);
    await tryInPlayground(page, asFile(groupPhoto));
    const asked = () => visitor.answers.filter(({ path }) => path.endsWith('/playground/detect')).length;
    expect(asked()).toBe(1);
    expect(await page.locator('.stage g[role=button]').count()).toBe(PEOPLE.length);
    await page.getByLabel('Threshold').fill('1');
    await page.getByText('0 faces').waitFor();
    expect(await page.locator('.stage g[role=button]').count()).toBe(0);
    await page.getByLabel('Threshold').fill('0.05');
    const candidates = await page.locator('.stage g[role=button]').count();
    expect(candidates).toBeGreaterThanOrEqual(PEOPLE.length);
    expect(asked()).toBe(1);
  });

  it('previews a mask, stores none of the previews, and gives the curl line and the file', async () => {
    const page = await arrive();
    await signIn(page);
    await tryInPlayground(page, asFile(groupPhoto, `it's a group; really.jpg`));
    await stored();
    const jobs = async () => {
      const response = await page.request.get('/api/v1/admin/jobs');
      return ((await response.json()) as { rows: unknown[] }).rows.length;
    };
    const before = await jobs();
    await page.getByText('Masked', { exact: true }).first().click();
    await page.getByText(`${PEOPLE.length} masked`).waitFor();
    await page.getByLabel('Method').selectOption('solid');
    await page.getByLabel('Color').fill('#ff0000');
    await page.getByLabel('Shape').selectOption('box');
    await page.getByLabel('Format').selectOption('png');
    await page.getByLabel('Encoding').selectOption('small');
    await page.locator('pre', { hasText: '-F effort=small' }).waitFor();
    expect((await page.locator('pre').textContent())!.trim()).toBe(
      `curl -F 'file=@"it'\\''s a group; really.jpg"' -F method=solid -F shape=box -F 'color=#ff0000' -F format=png -F effort=small -o 'it'\\''s a group; really-masked.png' ${service.url}/api/v1/mask`,
    );
    await settled(page);
    const downloading = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toMatch(/really-masked\.png$/);
    const { data, info } = await sharp(await download.path())
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const [x, y] = PEOPLE[0]!.center;
    const at = (y * info.width + x) * info.channels;
    expect([...data.subarray(at, at + 3)]).toEqual([255, 0, 0]);
    await stored();
    expect(await jobs()).toBe(before);
    await page.getByRole('button', { name: 'Store as a job' }).click();
    await page.getByText('Stored as a job.').waitFor();
    await stored();
    expect(await jobs()).toBe(before + 1);
    await page.getByRole('link', { name: 'Show job' }).click();
    await page.waitForURL('**/admin/jobs?request_id=*');
    await settled(page);
    expect(await page.getByRole('row').count()).toBe(2);
  });

  it('compares by the keyboard: the slider moves the border between original and masked', async () => {
    await sendPhoto(groupPhoto);
    const page = await arrive();
    await signIn(page, '/admin/images');
    await page.locator('ul.grid a').first().click();
    const slider = page.getByRole('slider', { name: 'Compare' });
    await slider.focus();
    const covered = () => page.evaluate<string>(`getComputedStyle(document.querySelector('.masked')).clipPath`);
    expect(await covered()).toBe('inset(0px 0px 0px 50%)');
    await page.keyboard.press('ArrowRight');
    await expect.poll(covered).toBe('inset(0px 0px 0px 51%)');
    await page.keyboard.press('End');
    await expect.poll(covered).toBe('inset(0px 0px 0px 100%)');
    await page.keyboard.press('Home');
    await expect.poll(covered).toBe('inset(0px 0px 0px 0%)');
  });

  it('shows uncertain faces apart, and finds the jobs that have some', async () => {
    await sendPhoto(onePhoto);
    await sendDoubtfulGroup();
    const page = await arrive();
    await signIn(page, '/admin/jobs?kind=mask');
    await settled(page);
    expect(await page.getByRole('row').count()).toBeGreaterThan(2);
    await page.getByRole('button', { name: /^More filters/ }).click();
    await page.getByLabel('Review').selectOption('Has uncertain faces');
    await page.waitForURL('**/admin/jobs?*uncertain=true*');
    await settled(page);
    expect(await page.getByRole('row').count()).toBe(2);
    await page.getByRole('cell', { name: '2 uncertain' }).waitFor();
    await page.getByRole('row').nth(1).getByRole('link').click();
    await page.getByRole('button', { name: /^Face 4 uncertain/ }).waitFor();

    await page.locator('dd a[href*="/images/"]').click();
    await page.waitForURL('**/admin/images/*');
    await page.getByRole('heading', { name: 'Run again' }).waitFor();
    await settled(page);
    await page.getByRole('button', { name: /^Face 4 of 4, .*, uncertain$/ }).waitFor();
    const dashes = () =>
      page.evaluate<string[]>(
        `[...document.querySelectorAll('.stage g rect.line')].map((line) => getComputedStyle(line).strokeDasharray)`,
      );
    expect((await dashes()).map((dash) => dash !== 'none')).toEqual([false, false, true, true]);
    expect(await page.locator('.stage .tag').allTextContents()).toEqual(['uncertain', 'uncertain']);
    expect(await page.getByRole('list', { name: 'Faces with their scores' }).getByText('uncertain').count()).toBe(2);
    await expectAccessible(page, 'an image with uncertain faces');
    await screenshot(page, 'image-uncertain');
    await page.setViewportSize({ width: 360, height: 860 });
    await expectAccessible(page, 'an image with uncertain faces, on a telephone');
    await screenshot(page, 'image-uncertain-360');
  });

  it('offers how thoroughly to search, and from which score on faces are masked for review', async () => {
    const page = await arrive();
    await signIn(page);
    await tryInPlayground(page, asFile(groupPhoto));
    await page.getByLabel('Recall').selectOption('Default (standard)');
    await page.getByLabel('Recall').selectOption('fast');
    await page.getByText('Masked', { exact: true }).first().click();
    await page.getByLabel('Threshold', { exact: true }).fill('1');
    await page.getByLabel('Review threshold').fill('0.3');
    await page.getByText(`${PEOPLE.length} uncertain`).waitFor();
    expect(await page.locator('pre').textContent()).toContain('-F threshold=1 -F recall=fast -F review_threshold=0.3');
    await expectAccessible(page, 'the playground with uncertain faces');
    await screenshot(page, 'playground-uncertain');
  });

  it('runs a stored image again with other options', async () => {
    await sendPhoto(onePhoto);
    const page = await arrive();
    await signIn(page, '/admin/images');
    await page.locator('ul.grid a').first().click();
    await page.getByLabel('Method').selectOption('pixelate');
    await page.getByRole('button', { name: 'Mask again' }).click();
    await page.getByText('Done, stored as a job of this image.').waitFor();
    await page.goto('/admin/jobs?kind=mask');
    await page.getByRole('row').nth(1).getByRole('link').click();
    await page.getByText('pixelate').waitFor();
  });

  it('starts a repeated job with the configured thresholds', async () => {
    await sendPhoto(onePhoto);
    const page = await arrive();
    await signIn(page, '/admin/images');
    await page.locator('ul.grid a').first().click();
    await expect.poll(() => page.getByLabel('Threshold', { exact: true }).inputValue()).toBe('0.49');
    expect(await page.getByLabel('Review threshold').inputValue()).toBe('0.31');
  });

  it('shows of a job how it was verified, and the options in force', async () => {
    await sendPhoto(onePhoto, { verify: true, method: 'solid' });
    const page = await arrive();
    await signIn(page, '/admin/jobs?kind=mask');
    await page.getByRole('row').nth(1).getByRole('link').click();
    const valueOf = (name: string) =>
      page.getByText(name, { exact: true }).locator('xpath=ancestor-or-self::dt/following-sibling::dd[1]');
    expect(await valueOf('Verification').textContent()).toMatch(/^\s*clean\s+1 round, 0 added boxes\s*$/);
    expect(await valueOf('method').textContent()).toMatch(/solid\s+set by the request/);
    expect(await valueOf('threshold').textContent()).toMatch(/^\s*0\.49\s*$/);
    const heading = await page.getByRole('heading', { level: 1 }).textContent();
    expect(heading).toContain(`Mask job …${new URL(page.url()).pathname.slice(-8)}`);
    const colors = await page.evaluate<string[]>(
      `[...document.querySelectorAll('.legend rect')].map((part) => getComputedStyle(part).fill)`,
    );
    expect(colors.length).toBeGreaterThan(6);
    expect(new Set(colors).size).toBe(colors.length);
    await page.getByRole('link', { name: 'Jobs' }).last().click();
    await page.waitForURL('**/admin/jobs?kind=mask');
  });

  it('finds failed jobs by their error, and shows the outcome whole on a telephone', async () => {
    await send(service.url, 'detect', onePhoto.subarray(0, onePhoto.length / 2));
    await stored();
    const page = await arrive({ viewport: { width: 360, height: 860 } });
    await signIn(page, '/admin/jobs');
    await page.getByRole('button', { name: /^More filters/ }).click();
    await page.getByLabel('Error').selectOption('undecodable image');
    await page.waitForURL('**/admin/jobs?*error=undecodable_image*');
    await settled(page);
    const badge = page.locator('tbody .badge').first();
    expect(await badge.textContent()).toBe('undecodable image');
    const cut = await page.evaluate<boolean>(
      `(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)(document.querySelector('tbody .badge'))`,
    );
    expect(cut).toBe(false);
    await screenshot(page, 'jobs-failed-360');
  });

  it('says before the upload what is too large, and offers to try again only what may work', async () => {
    const page = await arrive();
    await signIn(page, '/admin/playground');
    await page.getByText('up to 21.0 MB').waitFor();
    const photo = page.getByLabel('Photo', { exact: true });
    const large = join(folder, 'large.jpg');
    await writeFile(large, Buffer.alloc(20_971_521));
    await photo.setInputFiles(large);
    await page.getByText('large.jpg has 21.0 MB; the limit is 21.0 MB. Choose a smaller file.').waitFor();
    await rm(large);
    await photo.setInputFiles(asFile(onePhoto.subarray(0, onePhoto.length / 2)));
    await page.getByText('Image cannot be decoded.').waitFor();
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(0);
  });

  it('keeps photo and settings of the playground through navigation, and stores no second job', async () => {
    const page = await arrive();
    await signIn(page);
    await tryInPlayground(page);
    await page.getByLabel('Threshold', { exact: true }).fill('0.33');
    await page.getByLabel('Recall').selectOption('fast');
    await page.getByText('at threshold').waitFor();
    await stored();
    const jobsNow = async () => {
      await page.getByRole('link', { name: 'Jobs' }).click();
      await page.getByRole('row').first().waitFor();
      await settled(page);
      return page.getByRole('row').count();
    };
    const before = await jobsNow();
    await page.getByRole('link', { name: 'Playground' }).click();
    await page.getByText('at threshold').waitFor();
    expect(await page.getByLabel('Threshold', { exact: true }).inputValue()).toBe('0.33');
    expect(await page.getByLabel('Recall').inputValue()).toBe('fast');
    await stored();
    expect(await jobsNow()).toBe(before);
  });

  it('says of several pages that they stay, and of hidden data that it goes', async () => {
    const frame = { create: { width: 200, height: 200, channels: 3, background: '#888' } } as const;
    const frames = await Promise.all(
      ['#888', '#998'].map((background) =>
        sharp({ create: { ...frame.create, background } })
          .png()
          .toBuffer(),
      ),
    );
    const gif = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    const page = await arrive();
    await signIn(page, '/admin/playground');
    await page
      .getByLabel('Photo', { exact: true })
      .setInputFiles({ name: 'a.gif', mimeType: 'image/gif', buffer: gif });
    await page.getByText('This file has 2 frames or pages.').waitFor();
    expect(await page.getByText('contains none of it').count()).toBe(0);
  });

  it('is used by the keyboard alone, from the login to the playground', async () => {
    const page = await arrive();
    await page.goto('/admin/playground');
    // The password field has the focus.
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/admin/playground');
    await page.getByRole('heading', { name: 'Drop a photo here' }).waitFor();
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    const choosing = page.waitForEvent('filechooser');
    await tabTo(page, 'Choose a photo');
    await page.keyboard.press('Enter');
    await (await choosing).setFiles(asFile(groupPhoto));
    await page.getByText('at threshold').waitFor();
    await tabTo(page, 'Face 1 of 4, score');
    const first = await page.locator('.score').textContent();
    await page.keyboard.press('ArrowRight');
    expect(await focused(page)).toContain('Face 2 of 4');
    expect(await page.locator('.score').textContent()).not.toBe(first);
    await tabTo(page, 'Threshold');
    await page.keyboard.press('End');
    await page.getByText('0 faces').waitFor();
    await page.keyboard.press('Home');
  });

  it('shows what others wrote as text, and runs none of it', async () => {
    const evil = `<img src=x onerror="window.ran = 1"><script>window.ran = 1</script>`;
    const exif = { IFD0: { ImageDescription: evil, Artist: evil } };
    const hostile = await sharp(onePhoto).withExif(exif).jpeg().toBuffer();
    await keep(
      finishedJob({
        status: 'failed',
        faces: null,
        faceCount: null,
        result: null,
        original: hostile,
        error: { code: evil, detail: evil },
        requestId: evil,
        apiKeyName: evil,
        options: { color: evil, [evil]: evil },
        model: { name: evil, sha256: evil },
      }),
    );
    const page = await arrive({ viewport: { width: 1600, height: 900 } });
    const ran = () => page.evaluate('window.ran');
    await signIn(page, '/admin/jobs?status=failed');
    await settled(page);
    expect(await page.getByText('window.ran').count()).toBeGreaterThan(0);
    expect(await ran()).toBeUndefined();
    await page.getByRole('row').nth(1).getByRole('link').click();
    await page.getByRole('heading', { name: 'Options' }).waitFor();
    await settled(page);
    expect(await page.getByText('window.ran').count()).toBeGreaterThan(4);
    expect(await ran()).toBeUndefined();
    await tryInPlayground(page, asFile(hostile, `${evil.replaceAll('/', '')}.jpg`));
    await page.getByText('Masked', { exact: true }).first().click();
    await page.getByText('1 masked').waitFor();
    expect(await page.getByText('window.ran').count()).toBeGreaterThan(0);
    await page.goto(`/admin/jobs?error=${encodeURIComponent(evil)}&model=${encodeURIComponent(evil)}`);
    await settled(page);
    expect(await ran()).toBeUndefined();
    // The original itself, as its signed address gives it.
    await page.goto('/admin/images');
    await page.locator('ul.grid a').first().click();
    const address = await page.getByRole('link', { name: 'Open original' }).getAttribute('href');
    const original = await page.context().newPage();
    await original.goto(new URL(address!, service.url).href);
    expect(await original.evaluate('document.contentType')).toBe('image/jpeg');
    expect(await original.evaluate('window.ran')).toBeUndefined();
  });

  it('goes on with a page of many jobs, and finds the way back to them', async () => {
    const base = Date.now() - 86_400_000;
    for (let index = 0; index < 130; index += 1) {
      const job = finishedJob({ createdAt: new Date(base + index * 1000).toISOString(), apiKeyName: 'many' });
      await service.app.get(JobRecorder).record(job);
    }
    await stored();
    const page = await arrive();
    await signIn(page, `/admin/jobs?to=${new Date(base + 200_000).toISOString()}`);
    const rows = page.locator('tbody tr');
    await until(async () => (await rows.count()) === 50);
    await page.getByRole('button', { name: 'Show more' }).click();
    await until(async () => (await rows.count()) === 100);
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.getByText('130 jobs, end of list.').waitFor();
    await rows.nth(90).getByRole('link').click();
    await page.getByRole('heading', { name: 'Timings' }).waitFor();
    await page.goBack();
    await page.getByText('130 jobs, end of list.').waitFor();
    expect(await page.evaluate<number>('scrollY')).toBeGreaterThan(1000);

    // Filters live in the address, and survive a reload.
    await page.getByLabel('Kind').selectOption('detect');
    await page.getByText('No jobs match these filters').waitFor();
    expect(new URL(page.url()).searchParams.get('kind')).toBe('detect');
    await page.reload();
    await page.getByText('No jobs match these filters').waitFor();
    expect(await page.getByLabel('Kind').inputValue()).toBe('detect');
    await page.getByRole('button', { name: 'Clear' }).click();
    await until(async () => (await rows.count()) === 50);
  });

  it('exports the jobs that the filters show', async () => {
    await keep(finishedJob({ apiKeyName: 'csv', requestId: 'wanted-in-the-export' }));
    const page = await arrive();
    await signIn(page, '/admin/jobs?request_id=wanted-in-the-export');
    const downloading = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Export as CSV' }).click();
    const csv = await (await downloading).createReadStream().then(async (stream) => {
      const parts: Buffer[] = [];
      for await (const part of stream) parts.push(part as Buffer);
      return Buffer.concat(parts).toString();
    });
    expect(csv.trim().split(/\r?\n/)).toHaveLength(2);
    expect(csv).toContain('wanted-in-the-export');
  });

  it('leads back to the login where the session has ended, and from there to where it was', async () => {
    const page = await arrive();
    await signIn(page, '/admin/jobs?kind=mask');
    await page.context().clearCookies();
    await page.goto('/admin/system');
    await page.waitForURL('**/admin/login?next=*');
    expect(new URL(page.url()).searchParams.get('next')).toBe('/admin/system');
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/admin/system');
    await settled(page);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL('**/admin/login');
    await page.goto('/admin/jobs');
    expect(new URL(page.url()).pathname).toBe('/admin/login');
  });

  it('is led by next to pages of its own alone', async () => {
    const page = await arrive();
    for (const next of [
      'https://example.org/',
      '//example.org/admin',
      '/admin/../docs',
      '/docs',
      'javascript:alert(1)',
    ]) {
      await page.goto(`/admin/login?next=${encodeURIComponent(next)}`);
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => url.pathname !== '/admin/login');
      expect(page.url()).toBe(`${service.url}/admin`);
      await settled(page);
      await page.context().clearCookies();
    }
  });

  it('says what is wrong with a login', async () => {
    const page = await arrive();
    await page.goto('/admin');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Enter the password.').waitFor();
    await page.getByLabel('Password', { exact: true }).fill('not the password');
    await page.keyboard.press('Enter');
    await page.getByText('Wrong password.').waitFor();
    expect(await page.getByLabel('Password', { exact: true }).getAttribute('aria-invalid')).toBe('true');
    await expectAccessible(page, 'a refused login');
  });

  it('remembers the theme that was chosen, and follows the system where none was', async () => {
    const page = await arrive({ colorScheme: 'dark' });
    await signIn(page);
    const ground = () => page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    const dark = await ground();
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await ground();
    expect(light).not.toBe(dark);
    const toggle = page.getByRole('button', { name: /^Theme/ });
    await toggle.click();
    await toggle.click();
    expect(await toggle.textContent()).toContain('dark');
    expect(await ground()).toBe(dark);
    await page.reload();
    expect(await ground()).toBe(dark);
  });

  describe('on every page', () => {
    const PAGES: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
      overview: (page) => page.goto('/admin'),
      images: (page) => page.goto('/admin/images'),
      image: async (page) => {
        await page.goto('/admin/images?min_faces=4');
        await page.locator('ul.grid a').first().click();
        await page.getByRole('slider', { name: 'Compare' }).waitFor();
      },
      review: (page) => page.goto('/admin/review'),
      jobs: (page) => page.goto('/admin/jobs'),
      'jobs-filters': (page) => page.goto('/admin/jobs?error=nothing_such'),
      job: async (page) => {
        await page.goto('/admin/jobs?kind=mask&min_faces=4');
        await page.locator('tbody a').first().click();
        await page.getByRole('heading', { name: 'Timings' }).waitFor();
      },
      'job-failed': async (page) => {
        await page.goto('/admin/jobs?error=undecodable_image');
        await page.locator('tbody a').first().click();
        await page.getByRole('heading', { name: 'Timings' }).waitFor();
      },
      playground: (page) => page.goto('/admin/playground'),
      'playground-faces': (page) => tryInPlayground(page, asFile(groupPhoto)),
      'playground-masked': async (page) => {
        await tryInPlayground(page, asFile(groupPhoto));
        await page.getByText('Masked', { exact: true }).first().click();
        await page.getByText(`${PEOPLE.length} masked`).waitFor();
      },
      system: (page) => page.goto('/admin/system'),
      configuration: (page) => page.goto('/admin/system/configuration'),
      maintenance: async (page) => {
        await page.goto('/admin/system/maintenance');
        await page.getByRole('button', { name: 'Check', exact: true }).click();
        await page.getByRole('note').or(page.locator('dl')).first().waitFor();
      },
      audit: (page) => page.goto('/admin/system/audit'),
      'no-such-page': (page) => page.goto('/admin/nothing'),
      'no-such-image': (page) => page.goto(`/admin/images/${v7()}`),
    };

    beforeAll(async () => {
      await sendPhoto(groupPhoto);
      for (let seed = 0; seed < 10; seed += 1) {
        await sendPhoto(await encode(portrait({ seed: 40 + seed, width: 400 + seed * 20, height: 520 }), 'jpeg'));
      }
      await send(service.url, 'detect', onePhoto.subarray(0, onePhoto.length / 2));
      await stored();
    });

    const look = async (colorScheme: 'light' | 'dark', width: number, check: typeof expectAccessible) => {
      const page = await arrive({ colorScheme, viewport: { width, height: 860 }, reducedMotion: 'reduce' });
      const name = (what: string) => `${what}-${colorScheme}-${width}`;
      await page.goto('/admin/login');
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      await check(page, name('login'));
      await screenshot(page, name('login'));
      await signIn(page);
      for (const [what, open] of Object.entries(PAGES)) {
        await open(page);
        await settled(page);
        await check(page, name(what));
        const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        expect(overflow, `${name(what)} is wider than the window`).toBeLessThanOrEqual(0);
        await screenshot(page, name(what));
      }
      if (width < 800) {
        await page.getByRole('button', { name: 'Open the menu' }).click();
        await page.getByRole('link', { name: 'Overview' }).waitFor();
        await check(page, name('menu'));
        await screenshot(page, name('menu'));
      }
    };
    const onlyLook = () => Promise.resolve();
    /** Some twenty pages, each examined */
    const ALL_PAGES_MS = 240_000;

    it('is accessible by light', { timeout: ALL_PAGES_MS }, () => look('light', 1280, expectAccessible));
    it('is accessible by dark', { timeout: ALL_PAGES_MS }, () => look('dark', 1280, expectAccessible));
    it('is accessible on a telephone', { timeout: ALL_PAGES_MS }, () => look('light', 360, expectAccessible));
    it('fits a telephone by dark', { timeout: ALL_PAGES_MS }, () => look('dark', 360, onlyLook));
    it('fits a large monitor by light', { timeout: ALL_PAGES_MS }, () => look('light', 2560, onlyLook));
    it('fits a large monitor by dark', { timeout: ALL_PAGES_MS }, () => look('dark', 2560, onlyLook));
  });
});

describe.skipIf(!hasBrowser)('the console of a service that keeps nothing', () => {
  let browser: Browser;
  let service: Service;

  beforeAll(async () => {
    browser = await openBrowser();
    service = await startService(await operatorSettings());
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
  });

  it('says so where there is nothing to show, and lets everything else be used', async () => {
    const { page, complaints, answers, leave } = await visit(browser, service.url);
    await signIn(page);
    for (const path of [
      'images',
      'jobs',
      `jobs/${v7()}`,
      'batches',
      `batches/${v7()}`,
      `images/${v7()}`,
      'system/maintenance',
      'system/audit',
    ]) {
      await page.goto(`/admin/${path}`);
      await page.getByRole('heading', { name: 'Storage is off' }).waitFor();
      await settled(page);
      await expectAccessible(page, path);
      await screenshot(page, `storage-off-${path.split('/')[0]!}`);
    }
    for (const path of ['', '/system']) {
      await page.goto(`/admin${path}`);
      await settled(page);
      await expectAccessible(page, path);
      await screenshot(page, `storage-off${path.replace('/', '-')}`);
    }
    await page.goto('/admin/playground');
    await page.getByText('photos you try here are not stored').waitFor();
    await page.getByLabel('Photo', { exact: true }).setInputFiles(asFile(onePhoto));
    await page.getByText('at threshold').waitFor();
    expect(complaints).toEqual([]);
    // None of these pages asked for what there cannot be.
    expect(answers.filter(({ status }) => status >= 400)).toEqual([]);
    await leave();
  });
});

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** The name of what has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate<string>(
    `(({ ariaLabel, labels, textContent }) => ariaLabel ?? labels?.[0]?.textContent ?? textContent.trim())(document.activeElement)`,
  );
}

async function tabTo(page: Page, name: string): Promise<void> {
  const passed: string[] = [];
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press('Tab');
    const now = await focused(page);
    if (now.startsWith(name)) return;
    passed.push(now);
  }
  throw new Error(`the Tab key does not lead to ${name}, only to ${passed.join(' | ')}`);
}
