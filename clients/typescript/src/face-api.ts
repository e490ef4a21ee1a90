import { Batches } from './batches.ts';
import { Http, type ClientOptions, type RequestOptions } from './http.ts';
import { Images } from './images.ts';
import { imageForm, type ImageSource } from './image-form.ts';
import type { Detection, DetectOptions, Masked, SingleMaskOptions } from './types.ts';

/** The masked image, with all that the service says about it */
export interface MaskedImage extends Omit<Masked, 'output'> {
  readonly blob: Blob;
  readonly format: Masked['output']['format'];
}

export class FaceApi {
  /** Many images in one request, processed in the background */
  readonly batches: Batches;
  /** Corrections of masked images */
  readonly images: Images;
  readonly #http: Http;

  constructor(options: ClientOptions) {
    this.#http = new Http(options);
    this.batches = new Batches(this.#http);
    this.images = new Images(this.#http);
  }

  /** @throws FaceApiError, UnreachableError, the reason of the signal */
  detect(image: ImageSource, options: DetectOptions = {}, request: RequestOptions = {}): Promise<Detection> {
    return this.#http.json({ ...request, method: 'POST', path: 'detect', body: imageForm(image, options) });
  }

  /** @throws FaceApiError, UnreachableError, the reason of the signal */
  async mask(image: ImageSource, options: SingleMaskOptions = {}, request: RequestOptions = {}): Promise<MaskedImage> {
    const body = imageForm(image, options);
    const { output, ...facts } = await this.#http.json<Masked>({ ...request, method: 'POST', path: 'mask', body });
    const blob = new Blob([decodeBase64(output.image)], { type: `image/${output.format}` });
    return { ...facts, blob, format: output.format };
  }
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
