import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { v7 } from 'uuid';
import type { DetectionService } from '../detection/detection.service.ts';
import { DomainError } from '../errors/domain-error.ts';
import type { ImageFetcher } from '../fetching/image-fetcher.ts';
import type { ImageProcessing } from '../inference/image-processing.ts';
import { toImageRequest } from '../inference/image-request.ts';
import type { MaskingService } from '../masking/masking.service.ts';
import { batchResultKey } from '../storage/objects/object-keys.ts';
import type { ObjectStore } from '../storage/objects/object-store.ts';
import { traced, withTrace } from '../tracing/trace.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { Chunk, ItemInput, ItemOutcome, ItemResult, ReadInput, StartedItem } from './batch-records.ts';
import { resultName } from './results/result-names.ts';
import type { S3Output } from './results/s3-output.ts';
import type { S3Place } from './s3-place.ts';
import { S3Source } from './sources/s3-source.ts';

interface Encoded {
  readonly type: string;
  readonly bytes: Uint8Array;
}

export interface ItemWork {
  readonly outcome: ItemOutcome;
  /** Null: a detection. */
  readonly encoded: Encoded | null;
}

export interface ProcessedItem {
  readonly outcome: ItemOutcome;
  /** Null: it was known before. */
  readonly input: ReadInput | null;
  readonly result: ItemResult | null;
}

export interface Item extends StartedItem {
  readonly position: number;
  /** Whether no later attempt has started */
  isLatest(): Promise<boolean>;
}

/** The object store failed: the item is not to blame. */
export class ObjectsUnavailableError extends Error {}

/** Processes one image of a batch, on the same path as that of a request. */
export class ItemProcessing {
  readonly #images: ImageProcessing;
  readonly #masking: MaskingService;
  readonly #detection: DetectionService;
  readonly #objects: ObjectStore;
  readonly #fetcher: ImageFetcher;
  readonly #tracing: Tracing;
  readonly #source: S3Source;
  readonly #output: S3Output;

  constructor(
    images: ImageProcessing,
    masking: MaskingService,
    detection: DetectionService,
    objects: ObjectStore,
    fetcher: ImageFetcher,
    tracing: Tracing,
    source: S3Source,
    output: S3Output,
  ) {
    this.#images = images;
    this.#masking = masking;
    this.#detection = detection;
    this.#objects = objects;
    this.#fetcher = fetcher;
    this.#tracing = tracing;
    this.#source = source;
    this.#output = output;
  }

  /**
   * In a trace of its own, linked to that of the request: a batch may have 100,000 items.
   * @throws ObjectsUnavailableError, and the error of the work
   */
  async process(chunk: Chunk, item: Item, abandoned: AbortSignal): Promise<ProcessedItem> {
    const work = () => this.#process(chunk, item, abandoned);
    const trace =
      chunk.trace &&
      this.#tracing.startLinked('batch item', chunk.trace, {
        'face_api.batch_id': chunk.batchId,
        'face_api.batch_position': item.position,
      });
    if (!trace) return work();
    try {
      const processed = await withTrace(trace, work);
      trace.end();
      return processed;
    } catch (error) {
      trace.end(error);
      throw error;
    }
  }

  async #process(chunk: Chunk, item: Item, abandoned: AbortSignal): Promise<ProcessedItem> {
    const { batchId, kind, options, apiKeyName, output } = chunk;
    const { input } = item;
    const image = await traced('read', () => this.#read(input, abandoned));
    // Before the bytes are transferred to a thread; those of a stored file are known since it arrived.
    const read = 'url' in input ? { bytes: image.byteLength, sha256: hash('sha256', image) } : null;
    const attempt = v7();
    const request = toImageRequest({
      id: attempt,
      kind,
      options,
      abandoned,
      apiKeyName,
      store: false,
      isInteractive: false,
      image,
    });
    const { outcome, encoded } = await this.#images.process(request, () =>
      kind === 'mask' ? this.#mask(request) : this.#detect(request),
    );
    if (!encoded) return { outcome, input: read, result: null };
    const result = await traced('put', () =>
      output
        ? this.#putInto(output, batchId, item, encoded)
        : this.#put(batchResultKey(batchId, item.position, attempt), encoded),
    );
    return { outcome, input: read, result };
  }

  /** In its own ArrayBuffer, which can be transferred to the thread. */
  async #read(input: ItemInput, abandoned: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if ('url' in input) return Uint8Array.from(await this.#fetch(input.url, abandoned));
    const bytes = await this.#reach(() => this.#objects.get(input.key));
    if (!bytes) throw new DomainError('not_found', 'The file of this item is lost. Send it again in another batch');
    return Uint8Array.from(bytes);
  }

  async #fetch(url: string, abandoned: AbortSignal): Promise<Uint8Array> {
    const bytes = S3Source.names(url)
      ? await this.#reach(() => this.#source.read(url))
      : await this.#fetcher.fetch(url, abandoned);
    if (bytes.byteLength === 0) throw new DomainError('invalid_request', 'The file is empty');
    return bytes;
  }

  async #put(key: string, encoded: Encoded): Promise<ItemResult> {
    await this.#reach(() => this.#objects.put(key, encoded.bytes, `image/${encoded.type}`));
    return toResult(key, encoded);
  }

  async #putInto(place: S3Place, batchId: string, item: Item, encoded: Encoded): Promise<ItemResult> {
    const { type, bytes } = encoded;
    const key = place.prefix + resultName(item.resultName, type);
    const writer = `${batchId}/${item.position}`;
    const object = { body: bytes, bytes: bytes.byteLength, contentType: `image/${type}`, writer };
    await this.#reach(() => this.#output.put(place, key, object, () => item.isLatest()));
    return toResult(key, encoded);
  }

  async #reach<Result>(access: () => Promise<Result>): Promise<Result> {
    try {
      return await access();
    } catch (error) {
      if (error instanceof DomainError) throw error;
      throw new ObjectsUnavailableError('The object store failed', { cause: error });
    }
  }

  async #mask(request: Parameters<MaskingService['mask']>[0]): Promise<ItemWork> {
    const { body, format, encoded } = await this.#masking.mask(request);
    return { outcome: withoutTimings(body), encoded: { type: format, bytes: encoded } };
  }

  async #detect(request: Parameters<DetectionService['detect']>[0]): Promise<ItemWork> {
    return { outcome: withoutTimings(await this.#detection.detect(request)), encoded: null };
  }
}

function toResult(key: string, { type, bytes }: Encoded): ItemResult {
  return { key, type, bytes: bytes.byteLength, sha256: hash('sha256', bytes), crc: crc32(bytes) };
}

/** The rest of the response to a single image */
function withoutTimings(body: object): ItemOutcome {
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'id' && name !== 'timings'));
}
