import { exifBlock } from './exif-block.ts';
import { exifEntries } from './exif-entries.ts';
import type { MetadataValues } from './metadata.ts';
import { xmpBlock } from './xmp-block.ts';
import { embedInAvif } from './embed-in-avif.ts';
import { embedInJpeg, embedInPng, embedInWebp } from './embed-in-chunks.ts';
import { embedInTiff } from './embed-in-tiff.ts';

const EMBEDDERS = { jpeg: embedInJpeg, png: embedInPng, webp: embedInWebp, avif: embedInAvif } as const;

/** Formats that hold metadata which readers look for there. */
export const METADATA_FORMATS = ['jpeg', 'png', 'webp', 'avif', 'tiff'] as const;
export type MetadataFormat = (typeof METADATA_FORMATS)[number];

/**
 * An image file with the values as new EXIF and XMP.
 * @param file as our encoder has written it, without metadata
 * @throws Error if the encoder has written it in another way than it does
 */
export function embedMetadata(
  file: Uint8Array<ArrayBuffer>,
  format: MetadataFormat,
  values: MetadataValues,
): Uint8Array<ArrayBuffer> {
  const entries = exifEntries(values);
  const xmp = xmpBlock(values);
  // The directory of the picture is the first one of EXIF.
  if (format === 'tiff') return embedInTiff(file, entries, xmp);
  const exif = exifBlock(entries);
  return exif || xmp ? EMBEDDERS[format](file, exif, xmp) : file;
}
