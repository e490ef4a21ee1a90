import type { Size } from '../../vision/geometry.ts';
import { embedMetadata, METADATA_FORMATS } from '../../vision/metadata/embed-metadata.ts';
import type { MetadataGroup, MetadataOutcomes } from '../../vision/metadata/metadata.ts';
import { readMetadata } from '../../vision/metadata/read-metadata.ts';
import type { OutputFormat } from './messages.ts';

/**
 * The output with the requested metadata of the upload, read as values and written anew.
 * @param size of the upright picture
 */
export function carryMetadata(
  upload: Uint8Array,
  output: Uint8Array<ArrayBuffer>,
  wanted: readonly MetadataGroup[],
  format: OutputFormat,
  size: Size,
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly outcomes: MetadataOutcomes | null } {
  if (wanted.length === 0) return { bytes: output, outcomes: null };
  const holder = METADATA_FORMATS.find((known) => known === format);
  if (holder === undefined) {
    return { bytes: output, outcomes: Object.fromEntries(wanted.map((group) => [group, 'unsupported'])) };
  }
  const { values, outcomes } = readMetadata(upload, wanted, size);
  return { bytes: embedMetadata(output, holder, values), outcomes };
}
