import type { Browser, Page } from 'playwright-core';
import { openBrowser } from './chromium.ts';

/** An image file as Chromium shows it: the reference for what masked images must look like. */
export interface Shown {
  readonly width: number;
  readonly height: number;
  readonly frames: readonly ShownFrame[];
  /** How often an animation is repeated after the first time; null: forever. */
  readonly repetitions: number | null;
}

export interface ShownFrame {
  /** RGBA in sRGB. */
  readonly pixels: Buffer;
  /** In milliseconds; 0 for a still image. */
  readonly duration: number;
}

interface InPage extends Omit<Shown, 'frames'> {
  readonly frames: readonly { readonly base64: string; readonly duration: number }[];
}

/** A page of Chromium that reads images. */
export class Viewer {
  readonly #browser: Browser;
  readonly #page: Page;
  #file: Uint8Array = new Uint8Array();

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.#page = page;
  }

  static async open(): Promise<Viewer> {
    const browser = await openBrowser();
    const page = await browser.newPage();
    const viewer = new Viewer(browser, page);
    // ImageDecoder is only there for pages of a secure origin. Nothing listens: the page and the file come from here.
    await page.route('http://localhost/**', (route) =>
      route.request().url().endsWith('/file')
        ? route.fulfill({ body: Buffer.from(viewer.#file), contentType: 'application/octet-stream' })
        : route.fulfill({ body: '<!doctype html>', contentType: 'text/html' }),
    );
    await page.goto('http://localhost/');
    return viewer;
  }

  /**
   * @param type such as `image/png`
   * @throws if Chromium cannot show the file
   */
  async show(file: Uint8Array, type: string): Promise<Shown> {
    this.#file = file;
    const { frames, ...shown } = await this.#page.evaluate<InPage>(`(${READ_IN_PAGE})(${JSON.stringify(type)})`);
    return {
      ...shown,
      frames: frames.map(({ base64, duration }) => ({ pixels: Buffer.from(base64, 'base64'), duration })),
    };
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

/** Runs in the page, of which this project has no types. */
const READ_IN_PAGE = `async (type) => {
  const data = await (await fetch('/file')).arrayBuffer();
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { colorSpace: 'srgb', willReadFrequently: true });
  const draw = (image, width, height) => {
    [canvas.width, canvas.height] = [width, height];
    context.drawImage(image, 0, 0);
    let text = '';
    const { data: pixels } = context.getImageData(0, 0, width, height);
    for (let at = 0; at < pixels.length; at += 8192) text += String.fromCharCode(...pixels.subarray(at, at + 8192));
    return btoa(text);
  };

  const decoder = new ImageDecoder({ data, type });
  await Promise.all([decoder.completed, decoder.tracks.ready]);
  const track = decoder.tracks.selectedTrack;
  const repetitions = track.repetitionCount === Infinity ? null : track.repetitionCount;
  if (track.frameCount === 0) throw new Error('Chromium finds no picture');
  if (track.frameCount === 1) {
    // An img applies orientation and color as a viewer does.
    const image = new Image();
    image.src = URL.createObjectURL(new Blob([data], { type }));
    await image.decode();
    const { naturalWidth: width, naturalHeight: height } = image;
    URL.revokeObjectURL(image.src);
    return { width, height, repetitions, frames: [{ base64: draw(image, width, height), duration: 0 }] };
  }
  const frames = [];
  let [width, height] = [0, 0];
  for (let frameIndex = 0; frameIndex < track.frameCount; frameIndex++) {
    const { image } = await decoder.decode({ frameIndex });
    [width, height] = [image.displayWidth, image.displayHeight];
    frames.push({ base64: draw(image, width, height), duration: (image.duration ?? 0) / 1000 });
    image.close();
  }
  return { width, height, repetitions, frames };
}`;
