import { metadataBlocks } from '../container/metadata-blocks.ts';
import type { Size } from '../geometry.ts';
import { cameraOf } from './camera.ts';
import { captureTime } from './capture-time.ts';
import { creditOf } from './credit.ts';
import { type ExifValues, readExif } from './exif-values.ts';
import { Fields } from './field.ts';
import type { MetadataGroup, MetadataOutcomes, MetadataValues } from './metadata.ts';
import { panoramaOf } from './panorama.ts';
import { placeOf } from './place.ts';
import { readXmp, type XmpValues } from './xmp-values.ts';

type Readers = {
  readonly [Group in MetadataGroup]: (
    exif: ExifValues,
    xmp: XmpValues,
    fields: Fields,
    size: Size,
  ) => MetadataValues[Group];
};

const READERS: Readers = {
  time: captureTime,
  place: placeOf,
  credit: creditOf,
  camera: cameraOf,
  panorama: panoramaOf,
};

/**
 * The permitted values of the wanted groups in an image file. Never throws.
 * @param size of the upright picture
 */
export function readMetadata(
  file: Uint8Array,
  wanted: readonly MetadataGroup[],
  size: Size,
): { readonly values: MetadataValues; readonly outcomes: MetadataOutcomes } {
  const blocks = metadataBlocks(file);
  const [exif, xmp] = [readExif(blocks.exif), readXmp(blocks.xmp)];
  const isDamaged = exif.isDamaged || xmp.isDamaged;
  const groups = wanted.map((group) => {
    const fields = new Fields();
    const value = READERS[group](exif, xmp, fields, size);
    return { group, value, isAnyRejected: fields.isAnyRejected || isDamaged };
  });
  return {
    values: Object.fromEntries(groups.flatMap(({ group, value }) => (value ? [[group, value]] : []))),
    outcomes: Object.fromEntries(
      groups.map(({ group, value, isAnyRejected }) => [
        group,
        value ? (isAnyRejected ? 'partly_carried' : 'carried') : isAnyRejected ? 'rejected' : 'missing',
      ]),
    ),
  };
}
