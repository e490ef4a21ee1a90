import { rm } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { v7 } from 'uuid';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TrafficRow } from '../src/storage/records/traffic.entity.ts';
import { TrafficRecords } from '../src/storage/records/traffic-records.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
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

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Noon of yesterday, which the browser takes for the present. */
const NOON = Math.floor(Date.now() / (24 * HOUR_MS)) * 24 * HOUR_MS - 12 * HOUR_MS;
const NOW = NOON + 30_000;

const row = (span: TrafficRow['span'], at: number, requests: number, latencies = {}): TrafficRow => ({
  span,
  at: new Date(at),
  process: v7(),
  requests,
  rejected: 0,
  clientErrors: 0,
  serverErrors: 0,
  faces: requests,
  masked: 0,
  bytesIn: 1000,
  bytesOut: 1000,
  latencies,
});

describe.skipIf(!hasBrowser)('the overview', () => {
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
    });
    await service.app
      .get(TrafficRecords)
      .put([
        row('minute', NOON - 30 * MINUTE_MS, 6, { 40: 6 }),
        row('minute', NOON - MINUTE_MS, 4),
        row('minute', NOON, 9),
        row('hour', NOON - 72 * HOUR_MS, 120),
      ]);
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
    visitor = await visit(browser, service.url, { reducedMotion: 'reduce', timezoneId: 'Europe/Berlin', ...options });
    await visitor.page.clock.setFixedTime(NOW);
    await signIn(visitor.page, '/admin');
    await settled(visitor.page);
    return visitor.page;
  };
  const chart = (page: Page, title: string) => page.getByRole('region', { name: title, exact: true });
  const tile = (page: Page, label: string) => page.locator('dl.stats > div').filter({ hasText: label });

  it('draws a point where no line leads', async () => {
    const page = await arrive();
    await expect.poll(() => coloredPixels(page, 'Latency')).toBeGreaterThan(5);
  });

  it('tells of the last full minute, not of the one that has just begun', async () => {
    const page = await arrive();
    await expect
      .poll(() => chart(page, 'Requests per minute').locator('.entry').first().textContent())
      .toMatch(/4\s*$/);
    await chart(page, 'Requests per minute').getByText('12:59', { exact: true }).waitFor();
  });

  it('names the time zone', async () => {
    const page = await arrive();
    await page.getByText(/^Times in Europe\/Berlin, \S+\.$/).waitFor();
  });

  it('goes back further than a day, and to a period of choice', async () => {
    const page = await arrive();
    expect(await tile(page, 'Requests').textContent()).toContain('19');
    await page.getByText('7 days', { exact: true }).click();
    await page.waitForURL(/\/admin\/?\?range=7d$/);
    await expect.poll(() => tile(page, 'Requests').textContent()).toContain('120');
    await page.getByText('Custom', { exact: true }).click();
    // In the time zone of the browser, which is one hour ahead.
    const local = (time: number) => new Date(time + HOUR_MS).toISOString().slice(0, 16);
    await page.getByLabel('From').fill(local(NOON - 31 * MINUTE_MS));
    await page.getByLabel('Until').fill(local(NOON - 29 * MINUTE_MS));
    await page.waitForURL(/\/admin\/?\?from=/);
    await expect.poll(() => tile(page, 'Requests').textContent()).toMatch(/^Requests\s*6\s/);
    await page.reload();
    await expect.poll(() => tile(page, 'Requests').textContent()).toMatch(/^Requests\s*6\s/);
    await page.getByLabel('From').fill(local(NOON - 100 * HOUR_MS));
    await page.getByLabel('Until').fill(local(NOON - 50 * HOUR_MS));
    await expect.poll(() => tile(page, 'Requests').textContent()).toMatch(/^Requests\s*120\s/);
    await inEachLook(page, async (colorScheme, width) => {
      await expectAccessible(page, `a period of choice, ${colorScheme}, ${width} pixels`);
      expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
      await screenshot(page, `overview-custom-${colorScheme}-${width}`);
    });
  });

  it('leads from each figure and each chart to the jobs behind it', async () => {
    const page = await arrive();
    const queryOf = (href: string | null) => {
      const { searchParams } = new URL(href!, service.url);
      return [...searchParams.keys()].map((name) =>
        /^(from|to)$/.test(name) ? name : `${name}=${searchParams.get(name)}`,
      );
    };
    const figures = {
      Requests: [],
      'Faces found': ['min_faces=1'],
      'Latency, p95': ['sort=slowest'],
      Rejected: ['sort=slowest'],
      Errors: ['status=failed'],
      Traffic: [],
    };
    for (const [label, filters] of Object.entries(figures)) {
      const href = await tile(page, label).getByRole('link').getAttribute('href');
      expect(queryOf(href), label).toEqual([...filters, 'from', 'to']);
    }
    const charts = {
      'Requests per minute': [],
      Latency: ['sort=slowest'],
      'Faces per minute': ['min_faces=1'],
      'Traffic per minute': [],
    };
    for (const [title, filters] of Object.entries(charts)) {
      await chart(page, title).getByText('As a table').click();
      const href = await chart(page, title).getByRole('link', { name: '12:59' }).getAttribute('href');
      expect(queryOf(href), title).toEqual([...filters, 'from', 'to']);
    }
    await tile(page, 'Latency').getByRole('link').click();
    await page.waitForURL('**/admin/jobs?sort=slowest&from=*&to=*');
    await page.getByText('No jobs match these filters').waitFor();
  });

  it('is followed by a click on a figure and on a chart, and comes back', async () => {
    const page = await arrive();
    await tile(page, 'Errors').getByRole('link').click();
    await page.waitForURL('**/admin/jobs?status=failed&from=*&to=*');
    await page.goBack();
    await settled(page);
    const plot = chart(page, 'Requests per minute').getByRole('img');
    await plot.scrollIntoViewIfNeeded();
    await plot.hover();
    await plot.click();
    await page.waitForURL('**/admin/jobs?from=*');
    const { searchParams } = new URL(page.url());
    const [from, to] = ['from', 'to'].map((name) => Date.parse(searchParams.get(name)!));
    expect(to! - from!).toBe(MINUTE_MS);
    expect(from! % MINUTE_MS).toBe(0);
    await page.goBack();
    await chart(page, 'Requests per minute').getByText('As a table').click();
    const cell = chart(page, 'Requests per minute').getByRole('link', { name: '12:59' });
    expect(await cell.getAttribute('href')).toContain(new Date(NOON - MINUTE_MS).toISOString().replaceAll(':', '%3A'));
  });
});

/** How many pixels of a chart have a color: axes and grid are gray. */
function coloredPixels(page: Page, title: string): Promise<number> {
  return page.evaluate<number>(`(() => {
    const card = [...document.querySelectorAll('section')].find((one) => one.querySelector('h2')?.textContent === ${JSON.stringify(title)});
    const canvas = card.querySelector('canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
      const channels = [data[at], data[at + 1], data[at + 2]];
      if (data[at + 3] > 200 && Math.max(...channels) - Math.min(...channels) > 60) count += 1;
    }
    return count;
  })()`);
}
