import type { Defaults } from './defaults.ts';

export const SIZES = ['320', '640', '960', '1280', '1920'] as const;
export const RECALL_LEVELS = ['fast', 'standard', 'high', 'max'] as const;

/** The detection options that the console offers. */
export interface DetectOptions {
  threshold: number;
  /** From the threshold on, it is off. */
  reviewThreshold: number;
  minFaceSize: number;
  inputSize: (typeof SIZES)[number];
  largeFaces: boolean;
  /** Empty: the default of the endpoint. */
  recall: (typeof RECALL_LEVELS)[number] | '';
}

/** The defaults of the service, unless configured otherwise. */
export const STANDARD_DETECT: Readonly<DetectOptions> = {
  threshold: 0.5,
  reviewThreshold: 0.3,
  minFaceSize: 0,
  inputSize: '640',
  largeFaces: true,
  recall: '',
};

/** The values that the controls have at first. */
export function initialDetect(defaults: Defaults): DetectOptions {
  const { threshold, reviewThreshold, minFaceSize, largeFaces } = defaults;
  const inputSize = SIZES.find((size) => size === String(defaults.inputSize)) ?? STANDARD_DETECT.inputSize;
  return { threshold, reviewThreshold, minFaceSize, inputSize, largeFaces, recall: '' };
}

/** The options that differ from the defaults. */
export function effectiveDetect(options: DetectOptions, defaults: Defaults) {
  const { threshold, minFaceSize, inputSize, largeFaces, recall } = options;
  return {
    ...(threshold !== defaults.threshold && { threshold }),
    ...(minFaceSize !== defaults.minFaceSize && { min_face_size: minFaceSize }),
    ...(Number(inputSize) !== defaults.inputSize && { input_size: Number(inputSize) }),
    ...(largeFaces !== defaults.largeFaces && { large_faces: largeFaces }),
    ...(recall !== '' && { recall }),
  };
}

/** The review threshold of a masking, if it differs from the default. */
export function effectiveReview({ threshold, reviewThreshold }: DetectOptions, defaults: Defaults) {
  const reviewFrom = Math.min(reviewThreshold, threshold);
  // The service's own default is for requests without threshold.
  const byDefault = threshold === defaults.threshold ? Math.min(defaults.reviewThreshold, threshold) : threshold;
  return reviewFrom === byDefault ? {} : { review_threshold: reviewFrom };
}
