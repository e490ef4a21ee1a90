import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encode, portrait } from './fixtures/portraits.ts';
import { expectAccessible, hasBrowser, screenshot, settled, signIn, type Visitor, visit } from './support/browser.ts';
import { openBrowser } from './support/chromium.ts';
import { operatorSettings, PASSWORD, SAME_ORIGIN } from './support/operator.ts';
import { type Service, startService } from './support/service.ts';

const photo = await encode(portrait({ faceHeight: 220, width: 600, height: 720 }), 'jpeg');

describe.skipIf(!hasBrowser)('a session of the console that ends', () => {
  let browser: Browser;
  let service: Service;
  let visitor: Visitor;

  beforeAll(async () => {
    browser = await openBrowser();
    service = await startService(await operatorSettings());
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
  });
  afterEach(async () => {
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });

  const arrive = async (at: string, options: Parameters<typeof visit>[2] = {}) => {
    visitor = await visit(browser, service.url, options);
    await signIn(visitor.page, at);
    await visitor.page.waitForLoadState('networkidle');
    return visitor.page;
  };
  /** The service forgets the session; the browser still has its cookie. */
  const endSession = async (page: Page) => {
    const [cookie] = await page.context().cookies();
    const headers = { ...SAME_ORIGIN, cookie: `${cookie!.name}=${cookie!.value}` };
    const response = await fetch(`${service.url}/api/v1/admin/session`, { method: 'DELETE', headers });
    expect(response.status).toBe(204);
  };
  const dialog = (page: Page) => page.getByRole('dialog', { name: 'Your session has ended' });
  const signInAgain = async (page: Page) => {
    await dialog(page).getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.keyboard.press('Enter');
    await dialog(page).waitFor({ state: 'hidden' });
  };

  it('is said on the page, and what was asked for is done after the login', async () => {
    const page = await arrive('/admin/playground');
    await endSession(page);
    await page
      .getByLabel('Photo', { exact: true })
      .setInputFiles({ name: 'photo.jpg', mimeType: 'image/jpeg', buffer: photo });
    await dialog(page).waitFor();
    await page.keyboard.press('Escape');
    await dialog(page).getByLabel('Password', { exact: true }).fill('not the password');
    await page.keyboard.press('Enter');
    await dialog(page).getByText('Wrong password.').waitFor();
    await signInAgain(page);
    await page.getByText('at threshold').waitFor();
    expect(await page.getByText('1 face', { exact: true }).count()).toBe(1);
    expect(new URL(page.url()).pathname).toBe('/admin/playground');
  });

  it('stops no navigation: the page that was asked for is shown after the login', async () => {
    const page = await arrive('/admin');
    await endSession(page);
    await page.getByRole('link', { name: 'System' }).click();
    await dialog(page).waitFor();
    // The password field has the focus.
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await dialog(page).waitFor({ state: 'hidden' });
    await page.getByRole('heading', { name: 'System' }).waitFor();
    await settled(page);
    expect(new URL(page.url()).pathname).toBe('/admin/system');
  });

  it('needs no login to be signed out of', async () => {
    const page = await arrive('/admin/playground');
    await endSession(page);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL('**/admin/login');
    expect(await page.getByText('Your session has ended').count()).toBe(0);
  });

  it('is said at the login after a reload, but not to those who come first', async () => {
    const page = await arrive('/admin/system');
    await endSession(page);
    await page.reload();
    await page.getByText('Your session has ended. Sign in again.').waitFor();
    await expectAccessible(page, 'the login after a session has ended');
    await screenshot(page, 'session-ended-login');
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/admin/system');
    await page.context().clearCookies();
    await page.goto('/admin');
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    expect(await page.getByText('Your session has ended').count()).toBe(0);
  });

  it.each([
    { colorScheme: 'light', width: 1280 },
    { colorScheme: 'dark', width: 360 },
  ] as const)('is said accessibly ($colorScheme, $width pixels)', async ({ colorScheme, width }) => {
    const page = await arrive('/admin', { colorScheme, viewport: { width, height: 860 }, reducedMotion: 'reduce' });
    await endSession(page);
    // The overview refreshes itself.
    await dialog(page).waitFor({ timeout: 20_000 });
    await expectAccessible(page, 'the end of a session');
    await screenshot(page, `session-ended-${colorScheme}-${width}`);
  });
});
