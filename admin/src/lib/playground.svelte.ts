import type { Detection, System } from './api/admin.ts';
import { previewInPlayground } from './api/admin.ts';
import type { Problem } from './api/problem.ts';
import { type DetectOptions, STANDARD_DETECT } from './detect-options.ts';
import { Loader } from './loader.svelte.ts';
import { type MaskOptions, STANDARD_MASK } from './mask-options.ts';

export interface Masked {
  /** Options of the request, as JSON. */
  readonly options: string;
  /** The masked image. */
  readonly url: string;
  /** What the browser shows of it. */
  readonly shownUrl: string;
  readonly name: string;
  readonly bytes: number;
  readonly maskedCount: number;
  readonly uncertainCount: number;
  readonly assurance: string;
}

/** A chosen photo, with what the service made of it. */
export class Photo {
  readonly file: File;
  readonly url: string;
  readonly detection = new Loader<Detection>();
  readonly masked = new Loader<Masked>();
  /** URL of a picture that the browser can show if it does not support the format of the photo. */
  readonly preview = new Loader<string>();
  /** Options of the last search, as JSON. */
  searched = '';
  wasStored = false;

  constructor(file: File) {
    this.file = file;
    this.url = URL.createObjectURL(file);
  }

  readPreview(): void {
    if (this.preview.value !== undefined || this.preview.problem !== undefined || this.preview.loading) return;
    void this.preview.load(async (signal) => URL.createObjectURL(await previewInPlayground(this.file, signal)));
  }

  async mask(read: (signal: AbortSignal) => Promise<Masked>): Promise<void> {
    const before = this.masked.value;
    await this.masked.load(read);
    if (this.masked.value !== before) release(before);
  }

  forget(): void {
    for (const loader of [this.detection, this.masked, this.preview]) loader.stop();
    URL.revokeObjectURL(this.url);
    if (this.preview.value !== undefined) URL.revokeObjectURL(this.preview.value);
    release(this.masked.value);
  }
}

function release(masked: Masked | undefined): void {
  if (masked === undefined) return;
  URL.revokeObjectURL(masked.url);
  URL.revokeObjectURL(masked.shownUrl);
}

/** Photos and settings of the playground. They outlive its page. */
class Playground {
  photos = $state.raw<readonly Photo[]>([]);
  photo = $state.raw<Photo>();
  readonly system = new Loader<System>();
  /** Whether the settings have their initial values: the configured defaults. */
  isSet = false;

  store = $state(true);
  mode = $state<'detect' | 'mask'>('detect');
  detect = $state<DetectOptions>({ ...STANDARD_DETECT });
  mask = $state<MaskOptions>({ ...STANDARD_MASK });
  showLandmarks = $state(true);
  storeProblem = $state.raw<Problem>();

  /** Replaces the photos; the first one is shown. */
  take(files: readonly File[]): void {
    for (const photo of this.photos) photo.forget();
    this.photos = files.map((file) => new Photo(file));
    this.photo = this.photos[0];
    this.storeProblem = undefined;
  }
}

export const playground = new Playground();
