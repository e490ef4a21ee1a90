export type { Batches, BatchItemsQuery, BatchOrder, ProgressOptions } from './batches.ts';
export { FaceApiError, UnreachableError } from './errors.ts';
export { FaceApi, type MaskedImage } from './face-api.ts';
export type { ClientOptions, RequestOptions } from './http.ts';
export type { ImageSource, NamedImage } from './image-form.ts';
export type { Correction, Images } from './images.ts';
export type { components, operations, paths } from './schema.ts';
export type {
  Batch,
  BatchItem,
  BatchItemState,
  Detection,
  DetectOptions,
  Face,
  ImageMasks,
  Masked,
  MaskOptions,
  Problem,
  Region,
  SingleMaskOptions,
  WantedMask,
} from './types.ts';
