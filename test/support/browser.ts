import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { CHROMIUM } from './chromium.ts';
import { PASSWORD } from './operator.ts';
import { until } from './service.ts';

/** The console as an operator sees it: in a real Chromium, with an ear on everything that a page complains of. */

/** Pictures of the pages, for whoever builds them to look at; git ignores them. */
const SCREENSHOTS = fileURLToPath(new URL('../../artefacts/console/', import.meta.url));

/** Without a browser these tests leave themselves out, but not in CI. */
export const hasBrowser = CHROMIUM !== undefined || process.env['CI'] !== undefined;
if (!hasBrowser) console.warn('The console is not tested: no Chromium here (on Debian: apt-get install chromium)');

export interface Visitor {
  readonly page: Page;
  /** What went wrong so far: errors, violations of the policy, requests to other hosts. Answers from 400 on are not in it. */
  readonly complaints: readonly string[];
  /** Path and status of each answer of the API. */
  readonly answers: readonly { readonly method: string; readonly path: string; readonly status: number }[];
  /** What a test brings about on purpose. */
  readonly forgive: (expected: RegExp) => void;
  readonly leave: () => Promise<void>;
}

/** Somebody with a browser of their own: no cookie, nothing remembered. */
export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({ baseURL: url, viewport: { width: 1280, height: 860 }, ...options });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  const answers: { method: string; path: string; status: number }[] = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // The browser itself notes every answer from 400 on: tests of those look at the answer.
    const isAnswer = message.text().startsWith('Failed to load resource');
    if (['error', 'warning'].includes(message.type()) && !isAnswer) complaints.push(`console: ${message.text()}`);
  });
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && !['blob:', 'data:'].includes(protocol)) {
      complaints.push(`another host: ${request.url()}`);
    }
  });
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (!pathname.startsWith('/api/')) return;
    answers.push({ method: response.request().method(), path: pathname, status: response.status() });
  });
  const forgive = (expected: RegExp) => {
    complaints.splice(0, complaints.length, ...complaints.filter((complaint) => !expected.test(complaint)));
  };
  return { page, complaints, answers, forgive, leave: () => context.close() };
}

/**
 * By the form, as people do it.
 * @param name of a named user
 */
export async function signIn(page: Page, at = '/admin', name?: string): Promise<void> {
  await page.goto(at);
  if (name !== undefined) await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL((url) => !url.pathname.startsWith('/admin/login'));
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** The page is there, and nothing of it is under way any more. */
export async function settled(page: Page): Promise<void> {
  await until(() =>
    page.evaluate<boolean>(
      `document.querySelector('h1') !== null &&
        document.querySelector('[aria-busy="true"], [role="progressbar"], .skeleton') === null &&
        [...document.images].every(({ complete, loading }) => complete || loading === 'lazy')`,
    ),
  );
}

/** Both themes, at the width of a monitor and of a telephone */
const LOOKS = [
  ['light', 1280],
  ['dark', 1280],
  ['light', 360],
  ['dark', 360],
] as const;

/** Shows the page in each look in turn; it stays in the last one. */
export async function inEachLook(
  page: Page,
  check: (colorScheme: string, width: number) => Promise<void>,
): Promise<void> {
  for (const [colorScheme, width] of LOOKS) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: 860 });
    await settled(page);
    await check(colorScheme, width);
  }
}

export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

/** WCAG 2.2 AA, and what axe holds to be good practice besides. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  // A color in the middle of its transition is no color of the design.
  await until(() => page.evaluate<boolean>('document.getAnimations().length === 0'));
  const { violations } = await new AxeBuilder({ page }).analyze();
  const told = violations.map(
    ({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map(({ html }) => html).join('\n  ')}`,
  );
  expect(told, what).toEqual([]);
}

export interface ShownBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Where a box is drawn, measured on the screen, in pixels of the picture under it. */
export async function boxOnPicture(box: Locator, picture: Locator): Promise<ShownBox> {
  const shown = await box.boundingBox();
  const frame = await picture.boundingBox();
  const natural = await picture.evaluate((image: { naturalWidth: number; naturalHeight: number }) => ({
    width: image.naturalWidth,
    height: image.naturalHeight,
  }));
  if (shown === null || frame === null) throw new Error('the box or its picture is not to be seen');
  const x = (screen: number) => ((screen - frame.x) / frame.width) * natural.width;
  const y = (screen: number) => ((screen - frame.y) / frame.height) * natural.height;
  return { left: x(shown.x), top: y(shown.y), right: x(shown.x + shown.width), bottom: y(shown.y + shown.height) };
}
