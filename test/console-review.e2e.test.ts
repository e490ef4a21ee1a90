import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, CDPSession, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../src/admin/access/password.ts';
import type { Role } from '../src/config/user-roles.ts';
import { writeUsers } from '../src/admin/access/users-file.ts';
import type { AuditPage } from '../src/admin/kept/schemas.ts';
import type { AdminVersionBody, AdminVersionsBody } from '../src/admin/review/schemas.ts';
import type { CheckedBody } from '../src/receipts/schemas.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { type Box, encode } from './fixtures/portraits.ts';
import { type ReviewCrowd, reviewCrowd } from './fixtures/review-crowd.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { ADMIN_ENVIRONMENT, asAdmin, readJson, storedJob } from './support/admin-client.ts';
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
import { PASSWORD } from './support/operator.ts';
import { send, type Service, startService, until } from './support/service.ts';

const USERS: Readonly<Record<string, Role>> = { anna: 'unmasker', ben: 'unmasker', rita: 'reviewer' };
const FOUND = 18;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const centerOf = ([left, top, right, bottom]: Box) => ({ x: (left + right) / 2, y: (top + bottom) / 2 });

interface Stored {
  readonly crowd: ReviewCrowd;
  readonly image: Buffer;
  readonly id: string;
}

// Every step is checked in each look, which takes its time on a small machine.
describe.skipIf(!hasBrowser)('correcting masks in the console', { timeout: 180_000 }, () => {
  let browser: Browser;
  let folder: string;
  let database: TestDatabase;
  let settings: Record<string, string>;
  let service: Service;
  let visitors: Visitor[] = [];
  let mark = 0;

  beforeAll(async () => {
    browser = await openBrowser();
    folder = await makeDataFolder('console-review');
    database = await createTestDatabase();
    const users = join(folder, 'users.json');
    const password_hash = await hashPassword(PASSWORD);
    await writeUsers(
      users,
      Object.entries({ ...USERS, root: 'admin' as const }).map(([name, role]) => ({ name, role, password_hash })),
    );
    settings = {
      ...ADMIN_ENVIRONMENT,
      FACE_API_ADMIN_USERS: users,
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: database.url,
      FACE_API_RECEIPT_KEY_FOLDER: folder,
    };
    service = await startService(settings);
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
    await database.close();
    await rm(folder, { recursive: true });
  });
  afterEach(async () => {
    const complaints = visitors.flatMap((each) => each.complaints);
    await Promise.all(visitors.map(({ leave }) => leave()));
    visitors = [];
    expect(complaints).toEqual([]);
  });

  const get = <Body>(path: string) => readJson<Body>(asAdmin(service, path));
  const versionsOf = async (id: string): Promise<AdminVersionBody[]> =>
    (await get<AdminVersionsBody>(`/images/${id}/versions`)).versions;
  const fileAt = async (url: string | null) =>
    Buffer.from(await (await fetch(new URL(url!, service.url))).arrayBuffer());

  /** Masks a crowd by the public API, and waits until it is stored. */
  async function storeCrowd(): Promise<Stored> {
    const crowd = reviewCrowd(mark++);
    const image = Buffer.from(await encode(crowd, 'jpeg', { quality: 92 }));
    const response = await send(service.url, 'mask', image);
    expect(response.status).toBe(200);
    expect(Number(response.headers.get('x-masked-count'))).toBe(FOUND + 1);
    await response.arrayBuffer();
    const job = await storedJob(service, response);
    return { crowd, image, id: job.image_id! };
  }

  async function arrive(
    name: string,
    at: string,
    options: BrowserContextOptions = {},
    url = service.url,
  ): Promise<Page> {
    const visitor = await visit(browser, url, { reducedMotion: 'reduce', ...options });
    visitors.push(visitor);
    await signIn(visitor.page, at, name);
    await settled(visitor.page);
    return visitor.page;
  }
  async function openEditor(
    name: string,
    id: string,
    options: BrowserContextOptions = {},
    url?: string,
  ): Promise<Page> {
    const page = await arrive(name, `/admin/images/${id}`, options, url);
    await page.getByRole('button', { name: 'Edit masks' }).click();
    await page.locator('.editor .stage img').waitFor();
    await settled(page);
    return page;
  }

  const masks = (page: Page) => page.getByRole('group', { name: 'Masks' }).getByRole('button');
  const unsaved = (page: Page) => page.locator('.editor .bar p');
  const dialog = (page: Page) => page.getByRole('dialog');

  /** Where points of the image are on the screen now. */
  async function screenOf(page: Page, crowd: ReviewCrowd) {
    const stage = page.locator('.editor .stage');
    await stage.scrollIntoViewIfNeeded();
    const frame = (await stage.locator('img').boundingBox())!;
    const scale = frame.width / crowd.width;
    return ({ x, y }: { x: number; y: number }) => ({ x: frame.x + x * scale, y: frame.y + y * scale });
  }

  async function dragMouse(page: Page, from: { x: number; y: number }, to: { x: number; y: number }): Promise<void> {
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2, { steps: 3 });
    await page.mouse.move(to.x, to.y, { steps: 3 });
    await page.mouse.up();
  }

  async function choose(page: Page, label: string | RegExp, value: string): Promise<void> {
    await dialog(page).getByLabel(label).selectOption(value);
  }

  async function saveNow(page: Page): Promise<void> {
    await dialog(page).getByRole('button', { name: 'Save', exact: true }).click();
    await dialog(page).waitFor({ state: 'hidden' });
  }

  const servedIs = (page: Page, number: number) =>
    page
      .getByRole('listitem')
      .filter({ hasText: `Version ${number}` })
      .filter({ hasText: 'Served' })
      .waitFor();

  /** The masks cover the people who were missed and nothing of the poster; everything else is told and kept. */
  async function expectCorrected({ crowd, image, id }: Stored, author: string, reason: string): Promise<void> {
    const [second, first, ...others] = await versionsOf(id);
    expect(others).toEqual([]);
    expect(second).toMatchObject({ number: 2, is_served: true, author: `user:${author}`, reason, uncovers: true });
    expect(second!.masks).toHaveLength(FOUND + 2);
    for (const [left, top, right, bottom] of crowd.missed) {
      const over = second!.masks.filter(
        (mask) => mask.left <= left && mask.top <= top && mask.right >= right && mask.bottom >= bottom,
      );
      expect(over).toHaveLength(1);
    }
    const { x, y } = centerOf(crowd.poster);
    expect(second!.masks.filter((each) => each.left < x && each.right > x && each.top < y && each.bottom > y)).toEqual(
      [],
    );

    const served = await asAdmin(service, `/images/${id}/result`);
    const now = Buffer.from(await served.arrayBuffer());
    expect(sha256(now)).toBe(second!.sha256);
    expect(sha256(await fileAt(first!.result_url))).toBe(first!.sha256);
    expect(second!.previous_sha256).toBe(first!.sha256);
    const verified = await readJson<CheckedBody>(
      fetch(`${service.url}/api/v1/receipts/verify`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ image: now.toString('base64'), receipt: second!.receipt }),
      }),
    );
    expect(verified).toMatchObject({ valid: true, image: 'output' });
    expect(verified.receipt).toMatchObject({
      input_sha256: sha256(image),
      version: { id: second!.id, author: `user:${author}`, reason },
    });
    const { rows } = await get<AuditPage>('/audit?limit=1');
    expect(rows[0]).toMatchObject({ action: 'unmask', actor: `user:${author}`, subject: id });
  }

  it('by mouse: a false mask away, two new ones; the older version can be seen, compared and restored', async () => {
    const stored = await storeCrowd();
    const { crowd, id } = stored;
    const page = await openEditor('anna', id);
    const at = await screenOf(page, crowd);

    const poster = at(centerOf(crowd.poster));
    await page.mouse.click(poster.x, poster.y);
    await expect.poll(() => unsaved(page).textContent()).toContain('1 face made visible');
    for (const [left, top, right, bottom] of crowd.missed) {
      await dragMouse(page, at({ x: left - 6, y: top - 8 }), at({ x: right + 6, y: bottom + 8 }));
    }
    await expect.poll(() => unsaved(page).textContent()).toContain('2 masks added, 1 face made visible');

    // Too large by mistake, and back; then a little larger by a handle, and moved there and back.
    await page.getByRole('button', { name: /^Undo/ }).click();
    await expect.poll(() => masks(page).count()).toBe(FOUND + 2);
    await page.getByRole('button', { name: /^Redo/ }).click();
    await expect.poll(() => masks(page).count()).toBe(FOUND + 3);
    const [, , right, bottom] = crowd.missed[1]!;
    const handle = page.locator('.handles circle').nth(await cornerOf(page, 'se'));
    const grip = (await handle.boundingBox())!;
    const from = { x: grip.x + grip.width / 2, y: grip.y + grip.height / 2 };
    await dragMouse(page, from, { x: from.x + 8, y: from.y + 6 });
    await expect.poll(() => labelOf(page)).toMatch(/new, masked/);
    const box = boxIn(await labelOf(page));
    expect(box.left + box.width).toBeGreaterThan(right + 6);
    expect(box.top + box.height).toBeGreaterThan(bottom + 8);
    await inEachLook(page, async (look, width) => {
      await expectAccessible(page, `changed masks, ${look}, ${width} pixels`);
      await screenshot(page, `review-changed-${look}-${width}`);
    });
    await page.setViewportSize({ width: 1280, height: 860 });

    // The real result, before it is saved
    let preview: Buffer = Buffer.alloc(0);
    await page.route('**/versions/preview', async (route) => {
      const response = await route.fetch();
      preview = await response.body();
      await route.fulfill({ response });
    });
    await page.getByRole('group', { name: 'Picture' }).getByText('Preview').click();
    await page.locator('.editor .stage img[src^="blob:"]').waitFor();
    await screenshot(page, 'review-preview');

    await page.getByRole('button', { name: 'Save…' }).click();
    await saveClicked(page);
    await expect.poll(() => dialog(page).getByText('Say why.').count()).toBe(2);
    await choose(page, /stay visible/, 'no face');
    await choose(page, 'Reason of the change', 'missed face');
    await dialog(page).getByLabel('Note (optional)').fill('second row');
    await expectAccessible(page, 'the form at saving');
    await screenshot(page, 'review-save');
    await saveNow(page);
    await servedIs(page, 2);
    await expectCorrected(stored, 'anna', 'missed face');
    const [second] = await versionsOf(id);
    expect(sha256(preview)).toBe(second!.sha256);
    expect(second!.visible.map((face) => face.reason)).toEqual(['no face']);
    expect(second!.note).toBe('second row');

    // Versions
    const versions = page.getByRole('list', { name: 'Versions, newest first' }).getByRole('listitem');
    await expect.poll(() => versions.count()).toBe(2);
    expect(await versions.first().innerText()).toMatch(/Version 2\s+Served\s+\+2\s*−1\s+anna/);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Receipt of version 2' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe(`version-2-${second!.id}.receipt`);
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByLabel('Left of the slider').waitFor();
    await settled(page);
    const shown = page.locator('.viewer .stage img');
    await expect.poll(() => shown.count()).toBe(2);
    const urls = await shown.evaluateAll((images: { src: string }[]) => images.map(({ src }) => src));
    const digests = await Promise.all(urls.map(async (url) => sha256(await fileAt(url))));
    expect(digests).toEqual((await versionsOf(id)).map((version) => version.sha256).reverse());
    await inEachLook(page, async (look, width) => {
      await expectAccessible(page, `versions, ${look}, ${width} pixels`);
      await screenshot(page, `review-compare-${look}-${width}`);
    });
    await page.getByRole('button', { name: 'Restore version 1' }).click();
    await dialog(page).getByLabel('Reason').fill('back to the start');
    await dialog(page).getByRole('button', { name: 'Restore' }).click();
    await servedIs(page, 3);
    await expect.poll(() => versions.count()).toBe(3);
  });

  it('by touch: two fingers enlarge the picture, one draws and taps', async () => {
    const stored = await storeCrowd();
    const { crowd, id } = stored;
    const page = await openEditor('anna', id, {
      hasTouch: true,
      isMobile: true,
      viewport: { width: 390, height: 844 },
    });
    const finger = await page.context().newCDPSession(page);
    const scaleAt = async () =>
      (await screenOf(page, crowd))({ x: 1, y: 0 }).x - (await screenOf(page, crowd))({ x: 0, y: 0 }).x;
    const fit = page.getByRole('button', { name: /^Show the whole image/ });

    for (const box of [...crowd.missed, crowd.poster]) {
      // The browser may take a tap right after a movement for a part of it.
      await until(async () => {
        await fit.tap();
        return (await scaleAt()) < 0.3;
      });
      const whole = await scaleAt();
      const center = (await screenOf(page, crowd))(centerOf(box));
      await pinch(finger, center);
      expect(await scaleAt()).toBeGreaterThan(2.5 * whole);
      expect(await masks(page).count()).toBe(FOUND + 1 + crowd.missed.indexOf(box) + (box === crowd.poster ? 3 : 0));
      const at = await screenOf(page, crowd);
      const [left, top, right, bottom] = box;
      if (box === crowd.poster) await page.touchscreen.tap(at(centerOf(box)).x, at(centerOf(box)).y);
      else await dragFinger(finger, at({ x: left - 6, y: top - 8 }), at({ x: right + 6, y: bottom + 8 }));
    }
    await expect.poll(() => unsaved(page).textContent()).toContain('2 masks added, 1 face made visible');
    await screenshot(page, 'review-touch');
    await page.getByRole('button', { name: /^Remove the mask/ }).tap();
    await expect.poll(() => unsaved(page).textContent()).toContain('2 masks added, 1 mask removed');
    await expectAccessible(page, 'the editor on a telephone');
    expect(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await page.getByRole('button', { name: 'Save…' }).tap();
    await dialog(page).getByRole('button', { name: 'Save', exact: true }).tap();
    await servedIs(page, 2);
    await expectCorrected(stored, 'anna', 'missed face');
  });

  it('by keyboard alone', async () => {
    const stored = await storeCrowd();
    const { crowd, id } = stored;
    const page = await arrive('anna', `/admin/images/${id}`);
    await tabTo(page, /^Edit masks$/);
    await page.keyboard.press('Enter');
    await page.locator('.editor .stage img').waitFor();
    await settled(page);

    const { x, y } = centerOf(crowd.poster);
    await tabTo(page, /^Face \d+ of 19/, (label) => {
      const box = boxIn(label);
      return box.left < x && box.left + box.width > x && box.top < y && box.top + box.height > y;
    });
    await page.keyboard.press('Enter');
    expect(await labelOf(page)).toMatch(/visible/);
    await page.keyboard.press('Space');
    expect(await labelOf(page)).toMatch(/masked/);
    await page.keyboard.press('Delete');
    await expect.poll(() => masks(page).count()).toBe(FOUND);

    for (const missed of crowd.missed) {
      await page.keyboard.press('n');
      await expect.poll(() => labelOf(page)).toMatch(/new, masked/);
      await placeByKeys(page, missed);
    }
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+Shift+z');
    await expect.poll(() => page.getByRole('status').allInnerTexts()).toContainEqual(expect.stringMatching(/^Redone/));
    await page.keyboard.press('Control+s');
    await dialog(page).waitFor();
    await tabTo(page, /^Save$/);
    await page.keyboard.press('Enter');
    await servedIs(page, 2);
    await expectCorrected(stored, 'anna', 'missed face');
  });

  it('two people at once: the second is told who was faster, and nobody’s work is lost', async () => {
    const { crowd, id } = await storeCrowd();
    const [anna, ben] = [await openEditor('anna', id), await openEditor('ben', id)];
    for (const [page, index] of [
      [anna, 0],
      [ben, 1],
    ] as const) {
      const at = await screenOf(page, crowd);
      const [left, top, right, bottom] = crowd.missed[index]!;
      await dragMouse(page, at({ x: left, y: top }), at({ x: right, y: bottom }));
      await expect.poll(() => unsaved(page).textContent()).toContain('1 mask added');
      await page.getByRole('button', { name: 'Save…' }).click();
      await saveNow(page);
    }
    await ben.getByText('anna has saved version 2').waitFor();
    await ben.getByText('Not saved: 1 mask added.').waitFor();
    await inEachLook(ben, async (look, width) => {
      await expectAccessible(ben, `a conflict, ${look}, ${width} pixels`);
      await screenshot(ben, `review-conflict-${look}-${width}`);
    });
    // Not even a reload loses it.
    await reload(ben);
    await ben.getByText('anna has saved version 2').waitFor();
    await ben.getByRole('button', { name: 'Load theirs and apply my changes again' }).click();
    await expect.poll(() => masks(ben).count()).toBe(FOUND + 3);
    await ben.getByRole('button', { name: 'Save…' }).click();
    await saveNow(ben);
    await servedIs(ben, 3);
    const [third, second] = await versionsOf(id);
    expect([third!.author, second!.author]).toEqual(['user:ben', 'user:anna']);
    for (const box of crowd.missed.map(centerOf)) {
      expect(
        third!.masks.filter(
          (each) => each.left < box.x && each.right > box.x && each.top < box.y && each.bottom > box.y,
        ),
      ).toHaveLength(1);
    }
  });

  it('keeps what is not saved: for a reload, while the service is away, and asks before the page is left', async () => {
    const { crowd, id } = await storeCrowd();
    const page = await openEditor('anna', id);
    const at = await screenOf(page, crowd);
    const poster = at(centerOf(crowd.poster));
    await page.mouse.click(poster.x, poster.y);
    await expect.poll(() => unsaved(page).textContent()).toContain('1 face made visible');
    await reload(page);
    await expect.poll(() => unsaved(page).textContent()).toContain('1 face made visible');

    await page.getByRole('link', { name: 'Jobs', exact: true }).click();
    await dialog(page).getByText('Leave without saving?').waitFor();
    await expectAccessible(page, 'the question before leaving');
    await dialog(page).getByRole('button', { name: 'Stay' }).click();
    expect(new URL(page.url()).pathname).toBe(`/admin/images/${id}`);

    await page.route('**/versions', (route) => route.abort());
    await page.getByRole('button', { name: 'Save…' }).click();
    await choose(page, /stay visible/, 'other');
    await dialog(page)
      .getByLabel(/In your own words/)
      .fill('a portrait on a poster');
    await saveNow(page);
    await page.getByText('Not saved. Service unreachable.').waitFor();
    await screenshot(page, 'review-away');
    expect(await versionsOf(id)).toHaveLength(1);
    await page.unroute('**/versions');
    await page.getByRole('button', { name: 'Save again' }).click();
    await dialog(page).getByLabel('Reason of the change').selectOption('no face');
    await saveNow(page);
    await servedIs(page, 2);
    const [second] = await versionsOf(id);
    expect(second!.visible.map(({ reason }) => reason)).toEqual(['a portrait on a poster']);
    await page.getByRole('link', { name: 'Jobs', exact: true }).click();
    await page.getByRole('heading', { name: 'Jobs', level: 1 }).waitFor();
  });

  it('starts with a login that asks for a name, and says nothing of a password for everyone', async () => {
    const visitor = await visit(browser, service.url);
    visitors.push(visitor);
    await visitor.page.goto('/admin/login');
    await visitor.page.getByText('No name yet?').waitFor();
    expect(await visitor.page.getByText('The service printed one').count()).toBe(0);
    await expectAccessible(visitor.page, 'the login of named users');
  });

  it('lets a reviewer mask more, and says why a face cannot be made visible', async () => {
    const { crowd, id } = await storeCrowd();
    const page = await openEditor('rita', id);
    const at = await screenOf(page, crowd);
    const poster = at(centerOf(crowd.poster));
    await page.mouse.click(poster.x, poster.y);
    await page.getByRole('note').getByText('your role (reviewer) may not make any part of it visible').waitFor();
    expect(await masks(page).count()).toBe(FOUND + 1);
    await page.keyboard.press('Delete');
    expect(await masks(page).count()).toBe(FOUND + 1);
    await expectAccessible(page, 'the editor of a reviewer');
    await screenshot(page, 'review-reviewer');
    const [left, top, right, bottom] = crowd.missed[0]!;
    await dragMouse(page, at({ x: left, y: top }), at({ x: right, y: bottom }));
    await page.getByRole('button', { name: 'Save…' }).click();
    await saveNow(page);
    await servedIs(page, 2);
    for (const hidden of ['Run again', 'Erase']) expect(await page.getByText(hidden, { exact: true }).count()).toBe(0);
    await page.goto('/admin/batches');
    await settled(page);
    expect(await page.getByRole('heading', { name: 'New batch' }).count()).toBe(0);
  });

  it('waits for a second person where that is asked for', async () => {
    const { crowd, id } = await storeCrowd();
    const strict = await startService({ ...settings, FACE_API_UNMASK_SECOND_PERSON: 'true' });
    try {
      const anna = await openEditor('anna', id, {}, strict.url);
      const at = await screenOf(anna, crowd);
      const poster = at(centerOf(crowd.poster));
      await anna.mouse.click(poster.x, poster.y);
      await anna.getByRole('button', { name: 'Save…' }).click();
      await choose(anna, /stay visible/, 'no face');
      await saveNow(anna);
      await anna.getByText('Another person with the right “unmask” has to approve it.').waitFor();
      const ben = await arrive('ben', `/admin/images/${id}`, {}, strict.url);
      await ben.getByText('Waits for a second person').waitFor();
      await expectAccessible(ben, 'a version that waits');
      await screenshot(ben, 'review-pending');
      await ben.getByRole('button', { name: 'Approve', exact: true }).click();
      await servedIs(ben, 2);
      await ben.getByText('approved by ben').waitFor();
      expect((await versionsOf(id))[0]).toMatchObject({ is_served: true, approved_by: 'user:ben' });
    } finally {
      await Promise.all(visitors.map(({ leave }) => leave()));
      await strict.close();
    }
  });

  const saveClicked = (page: Page) => dialog(page).getByRole('button', { name: 'Save', exact: true }).click();

  /** As a person does who confirms that the page may be reloaded. */
  async function reload(page: Page): Promise<void> {
    page.removeAllListeners('dialog');
    page.on('dialog', (asked) => void asked.accept());
    await page.reload();
    await page.locator('.editor .stage img').waitFor();
    await settled(page);
  }
});

/** The name of what has the focus */
function labelOf(page: Page): Promise<string> {
  return page.evaluate<string>(
    `(document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '').trim()`,
  );
}

/** The place in the name of a mask */
function boxIn(label: string): { left: number; top: number; width: number; height: number } {
  const found = /(\d+) × (\d+) pixels at (-?\d+), (-?\d+)/.exec(label);
  if (found === null) throw new Error(`no box in "${label}"`);
  const [width, height, left, top] = found.slice(1).map(Number) as [number, number, number, number];
  return { left, top, width, height };
}

async function tabTo(page: Page, name: RegExp, isMeant: (label: string) => boolean = () => true): Promise<void> {
  for (let count = 0; count < 150; count += 1) {
    await page.keyboard.press('Tab');
    const label = await labelOf(page);
    if (name.test(label) && isMeant(label)) return;
  }
  throw new Error(`no control ${String(name)} can be reached by the Tab key`);
}

/** Moves the mask that has the focus over a face, and makes it large enough, by the arrow keys. */
async function placeByKeys(page: Page, [left, top, right, bottom]: Box): Promise<void> {
  const press = async (key: string, modifier: string, count: number) => {
    for (let step = 0; step < count; step += 1) await page.keyboard.press(`${modifier}${key}`);
  };
  const go = async (modifier: string, x: number, y: number) => {
    for (const [way, keys] of [
      [x, ['ArrowLeft', 'ArrowRight']],
      [y, ['ArrowUp', 'ArrowDown']],
    ] as const) {
      const key = keys[way < 0 ? 0 : 1];
      await press(key, `${modifier}Shift+`, Math.floor(Math.abs(way) / 10));
      await press(key, modifier, Math.abs(way) % 10);
    }
  };
  const start = boxIn(await labelOf(page));
  const wanted = { left: Math.floor(left) - 3, top: Math.floor(top) - 3 };
  await go('', wanted.left - start.left, wanted.top - start.top);
  await go('Alt+', Math.ceil(right) + 3 - wanted.left - start.width, Math.ceil(bottom) + 3 - wanted.top - start.height);
  const { width, height, ...place } = boxIn(await labelOf(page));
  expect(place).toEqual(wanted);
  expect(place.left + width).toBe(Math.ceil(right) + 3);
  expect(place.top + height).toBe(Math.ceil(bottom) + 3);
}

/** Index of a handle among those shown */
function cornerOf(page: Page, handle: string): Promise<number> {
  return page
    .locator('.handles .target')
    .evaluateAll(
      (targets: { classList: { contains: (name: string) => boolean } }[], name) =>
        targets.findIndex(({ classList }) => classList.contains(name)),
      handle,
    );
}

type ScreenPoint = { readonly x: number; readonly y: number };

async function touch(finger: CDPSession, type: string, points: readonly ScreenPoint[]): Promise<void> {
  await finger.send('Input.dispatchTouchEvent', {
    type: type as 'touchStart',
    touchPoints: points.map(({ x, y }, id) => ({ x, y, id })),
  });
}

async function dragFinger(finger: CDPSession, from: ScreenPoint, to: ScreenPoint): Promise<void> {
  await touch(finger, 'touchStart', [from]);
  for (const share of [0.25, 0.5, 0.75, 1]) {
    await touch(finger, 'touchMove', [{ x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }]);
  }
  await touch(finger, 'touchEnd', []);
}

/** Two fingers move apart around a point. */
async function pinch(finger: CDPSession, { x, y }: ScreenPoint): Promise<void> {
  const apart = (distance: number) => [
    { x, y: y - distance },
    { x, y: y + distance },
  ];
  await touch(finger, 'touchStart', apart(15).slice(0, 1));
  await touch(finger, 'touchStart', apart(15));
  for (const distance of [25, 35, 45, 55]) await touch(finger, 'touchMove', apart(distance));
  await touch(finger, 'touchEnd', []);
}
