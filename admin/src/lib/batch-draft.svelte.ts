import { type Batch, createBatch, readSystem, type System } from './api/admin.ts';
import { isAbort, type Problem, problemOf } from './api/problem.ts';
import { batchLimitsOf, defaultsOf, outputPlacesOf } from './defaults.ts';
import {
  type DetectOptions,
  effectiveDetect,
  effectiveReview,
  initialDetect,
  STANDARD_DETECT,
} from './detect-options.ts';
import type { NamedFile } from './dropped-files.ts';
import { Loader } from './loader.svelte.ts';
import { effectiveMask, type MaskOptions, STANDARD_MASK } from './mask-options.ts';
import { refusalOf } from './refusal.ts';

/** How much of the files has been sent */
export interface Sending {
  readonly sentBytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
}

export function isArchive({ name }: NamedFile): boolean {
  return /\.(zip|tar|tgz|tar\.gz)$/i.test(name);
}

/** The batch that an operator puts together, and its upload. It outlives its page, and so does the upload. */
class BatchDraft {
  files = $state.raw<readonly NamedFile[]>([]);
  /** Why some of the files are not sent */
  refusals = $state.raw<readonly string[]>([]);
  kind = $state<'detect' | 'mask'>('mask');
  detect = $state<DetectOptions>({ ...STANDARD_DETECT });
  mask = $state<MaskOptions>({ ...STANDARD_MASK });
  results = $state<'zip' | 's3'>('zip');
  /** A folder in S3: bucket/prefix */
  output = $state('');
  readonly system = new Loader<System>();
  /** Undefined: nothing is being sent. */
  sending = $state.raw<Sending>();
  problem = $state.raw<Problem>();
  /** Whether the options have their initial values: the configured defaults. */
  #isSet = false;
  #controller: AbortController | undefined;
  /** The latest request, and the key by which the service recognizes it if it is repeated */
  #attempt = { content: '', key: '' };

  get defaults() {
    return defaultsOf(this.system.value);
  }

  get limits() {
    return batchLimitsOf(this.system.value);
  }

  get outputPlaces(): readonly string[] {
    return outputPlacesOf(this.system.value);
  }

  get bytes(): number {
    return this.files.reduce((sum, { file }) => sum + file.size, 0);
  }

  async prepare(): Promise<void> {
    await this.system.load(readSystem);
    if (this.#isSet || this.system.value === undefined) return;
    this.detect = initialDetect(this.defaults);
    this.mask = { ...this.defaults.mask };
    this.output = this.outputPlaces[0] ?? '';
    this.#isSet = true;
  }

  add(chosen: readonly NamedFile[]): void {
    if (this.sending) return;
    const refused = chosen.map((one) =>
      isArchive(one) ? undefined : refusalOf(one.name, one.file, this.limits?.uploadBytes),
    );
    this.refusals = refused.filter((reason) => reason !== undefined);
    this.files = [...this.files, ...chosen.filter((_, at) => refused[at] === undefined)];
    this.problem = undefined;
  }

  remove(file: NamedFile): void {
    this.files = this.files.filter((one) => one !== file);
  }

  clear(): void {
    this.files = [];
    this.refusals = [];
    this.problem = undefined;
  }

  /** @returns the batch; undefined if there is none, because the upload failed or was canceled */
  async start(): Promise<Batch | undefined> {
    const total = this.bytes;
    const controller = new AbortController();
    const begin = performance.now();
    this.#controller = controller;
    this.problem = undefined;
    this.sending = { sentBytes: 0, totalBytes: total, bytesPerSecond: 0 };
    window.addEventListener('beforeunload', askBeforeLeaving);
    try {
      const batch = await createBatch(this.#form(), this.#key(), controller.signal, (sentBytes, totalBytes) => {
        const seconds = (performance.now() - begin) / 1000;
        this.sending = { sentBytes, totalBytes, bytesPerSecond: seconds > 0 ? sentBytes / seconds : 0 };
      });
      this.clear();
      return batch;
    } catch (error) {
      if (!isAbort(error)) this.problem = problemOf(error);
      return undefined;
    } finally {
      window.removeEventListener('beforeunload', askBeforeLeaving);
      this.sending = undefined;
    }
  }

  cancel(): void {
    this.#controller?.abort();
  }

  #options(): string {
    const { detect, mask, defaults } = this;
    return JSON.stringify({
      ...effectiveDetect(detect, defaults),
      ...(this.kind === 'mask' && { ...effectiveReview(detect, defaults), ...effectiveMask(mask, defaults.mask) }),
    });
  }

  #output(): string | undefined {
    if (this.results === 'zip') return undefined;
    const [bucket, ...prefix] = this.output.trim().split('/');
    return JSON.stringify({ s3: { bucket, prefix: prefix.join('/') } });
  }

  #form(): FormData {
    const form = new FormData();
    form.append('kind', this.kind);
    form.append('options', this.#options());
    const output = this.#output();
    if (output !== undefined) form.append('output', output);
    for (const one of this.files) form.append(isArchive(one) ? 'archive' : 'file', one.file, one.name);
    return form;
  }

  /** If the response to a request was lost, the same request again makes no second batch. */
  #key(): string {
    const files = this.files.map(({ name, file }) => [name, file.size, file.lastModified]);
    const content = JSON.stringify([this.kind, this.#options(), this.#output(), files]);
    if (content !== this.#attempt.content) {
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      this.#attempt = { content, key: [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('') };
    }
    return this.#attempt.key;
  }
}

function askBeforeLeaving(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

export const batchDraft = new BatchDraft();
