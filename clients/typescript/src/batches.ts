import { download } from './download.ts';
import type { Http, RequestOptions } from './http.ts';
import { asBlob, formOf, type ImageSource, type NamedImage } from './image-form.ts';
import { sleep } from './sleep.ts';
import type {
  Batch,
  BatchItem,
  BatchItemPage,
  BatchItemState,
  BatchPage,
  DetectOptions,
  MaskOptions,
} from './types.ts';

interface S3Folder {
  readonly s3: { readonly bucket: string; readonly prefix?: string | undefined };
}

interface BatchContent {
  readonly files?: readonly NamedImage[] | undefined;
  /** A ZIP, tar or tar.gz with images */
  readonly archive?: ImageSource | undefined;
  /** URLs of images, which the service fetches when their turn comes */
  readonly urls?: readonly string[] | undefined;
  /** Instead of all these: a folder in a bucket that the service may read */
  readonly source?: S3Folder | undefined;
  /** A folder in a bucket that gets the results, instead of the archive of `result`. The service must be allowed to write there. */
  readonly output?: S3Folder | undefined;
  /** 0 to 9: of the batches of the same API key, those with a higher priority start first. Default: 0 */
  readonly priority?: number | undefined;
}

export type BatchOrder = BatchContent &
  (
    | { readonly kind: 'detect'; readonly options?: DetectOptions | undefined }
    | { readonly kind: 'mask'; readonly options?: MaskOptions | undefined }
  );

type Cancelable = Pick<RequestOptions, 'signal'>;

export interface ProgressOptions extends Cancelable {
  /** Milliseconds between two requests. Default: 1,000 */
  readonly intervalMs?: number | undefined;
}

export interface BatchItemsQuery extends Cancelable {
  /** Only the items in this state */
  readonly state?: BatchItemState | undefined;
}

/** Rows of a page: the maximum of the API */
const PAGE = 500;

export class Batches {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Without a key of yours, each call has its own: a retry makes no second batch.
   * @throws FaceApiError, UnreachableError, the reason of the signal
   */
  create(order: BatchOrder, { idempotencyKey = randomKey(), signal }: RequestOptions = {}): Promise<Batch> {
    const { kind, options, priority, files = [], archive, urls, source, output } = order;
    const body = formOf({ kind, options, priority, urls: urls?.join('\n'), source, output });
    for (const file of files) {
      body.append('file', file instanceof File ? file : asBlob(file.data), file.name);
    }
    if (archive !== undefined) body.append('archive', asBlob(archive), 'archive');
    return this.#http.json({ method: 'POST', path: 'jobs', body, idempotencyKey, signal });
  }

  get(id: string, { signal }: Cancelable = {}): Promise<Batch> {
    return this.#http.json({ path: pathOf(id), signal });
  }

  /** The batches of the API key, newest first */
  async *list({ signal }: Cancelable = {}): AsyncGenerator<Batch, void> {
    let after: BatchPage['next'] = null;
    do {
      const query = { limit: PAGE, after };
      const page: BatchPage = await this.#http.json({ path: 'jobs', query, signal });
      yield* page.rows;
      after = page.next;
    } while (after !== null);
  }

  /** The batch at each interval, the last time when it has ended */
  async *progress(id: string, { intervalMs = 1000, signal }: ProgressOptions = {}): AsyncGenerator<Batch, void> {
    for (;;) {
      const batch = await this.get(id, { signal });
      yield batch;
      if (batch.finished_at !== null) return;
      await sleep(intervalMs, signal);
    }
  }

  /** The images with their results and errors, in the order in which they were sent */
  async *items(id: string, { state, signal }: BatchItemsQuery = {}): AsyncGenerator<BatchItem, void> {
    let from: BatchItemPage['next'] = null;
    do {
      const query = { limit: PAGE, state, from };
      const page: BatchItemPage = await this.#http.json({ path: `${pathOf(id)}/items`, query, signal });
      yield* page.rows;
      from = page.next;
    } while (from !== null);
  }

  /** The ZIP of the results of a batch that has ended and has no `output`. If the connection is closed, the stream goes on with a new one. */
  result(id: string, { signal }: Cancelable = {}): Promise<ReadableStream<Uint8Array>> {
    return download(this.#http, `${pathOf(id)}/result`, signal);
  }

  /** Processes the dead items of a batch that has ended again. */
  retry(id: string, { signal }: Cancelable = {}): Promise<Batch> {
    return this.#http.json({ method: 'POST', path: `${pathOf(id)}/retry`, signal });
  }

  /** Gives up the items that wait. What is done stays. */
  cancel(id: string, { signal }: Cancelable = {}): Promise<Batch> {
    return this.#http.json({ method: 'DELETE', path: pathOf(id), signal });
  }
}

function pathOf(id: string): string {
  return `jobs/${encodeURIComponent(id)}`;
}

/** `crypto.randomUUID` does not exist on pages without TLS. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
