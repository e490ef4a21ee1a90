import type { components } from './schema.ts';

/** Names for the generated types that this client takes and returns */

type Schemas = components['schemas'];

export type Batch = Schemas['Batch'];
export type BatchItem = Schemas['BatchItem'];
export type BatchItemPage = Schemas['BatchItemPage'];
export type BatchItemState = BatchItem['state'];
export type BatchPage = Schemas['BatchPage'];
export type Detection = Schemas['Detection'];
export type DetectOptions = Schemas['DetectOptions'];
export type Edit = Schemas['Edit'];
export type Face = Schemas['Face'];
export type ImageMasks = Schemas['ImageMasks'];
export type Masked = Schemas['Masked'];
export type MaskOptions = Schemas['MaskOptions'];
export type SingleMaskOptions = Schemas['SingleMaskOptions'];
export type Problem = Schemas['Problem'];
export type Region = Schemas['Region'];
export type WantedMask = Schemas['WantedMask'];
