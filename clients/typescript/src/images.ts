import type { Http, RequestOptions } from './http.ts';
import type { Edit, ImageMasks, WantedMask } from './types.ts';

/** Masks as `masks` returns them, or new ones */
type EditedMask = WantedMask & { readonly origin?: unknown };

export type Correction = Omit<Edit, 'masks' | 'visible'> & {
  readonly masks?: readonly EditedMask[] | undefined;
  /** Faces that stay visible, and why */
  readonly visible?: Edit['visible'] | undefined;
};

type Cancelable = Pick<RequestOptions, 'signal'>;

/** Corrections of masked images that the API key sent. An ID is that of the image, or `job_id` of a response. */
export class Images {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** The version that is served, with its masks. The API key needs the scope `review`. */
  masks(id: string, { signal }: Cancelable = {}): Promise<ImageMasks> {
    return this.#http.json({ path: `${pathOf(id)}/masks`, signal });
  }

  /** Makes a new version. The API key needs the scope `review`, and `unmask` to make masked pixels visible. */
  correct(id: string, { masks, ...others }: Correction, { signal }: Cancelable = {}): Promise<ImageMasks> {
    const body = JSON.stringify({ ...others, masks: masks?.map(withoutOrigin) });
    return this.#http.json({ method: 'POST', path: `${pathOf(id)}/masks`, body, signal });
  }

  /** The masked image: the version that is served */
  result(id: string, { signal }: Cancelable = {}): Promise<Blob> {
    return this.#http.send({ path: `${pathOf(id)}/result`, signal }, (response) => response.blob());
  }
}

/** Only the service says what a mask comes from. */
function withoutOrigin({ left, top, right, bottom, shape, frame }: EditedMask): WantedMask {
  return { left, top, right, bottom, shape, ...(frame !== undefined && { frame }) };
}

function pathOf(id: string): string {
  return `images/${encodeURIComponent(id)}`;
}
