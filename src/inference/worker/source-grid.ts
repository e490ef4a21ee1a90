import { type BlockGrid, jpegGrid, videoGrid } from '../../vision/block-grid.ts';
import type { Size } from '../../vision/geometry.ts';
import type { SourceFormat } from './source-image.ts';

/** The grid by whose blocks the source's coding has smeared a face, in pixels of the upright image; null: lossless. */
export function sourceGrid(
  bytes: Uint8Array,
  format: SourceFormat,
  stored: Size,
  orientation: number,
): BlockGrid | null {
  switch (format) {
    case 'jpeg':
      return jpegGrid(bytes, orientation);
    case 'webp':
      return isLossyWebp(bytes) ? videoGrid(stored, orientation) : null;
    case 'avif':
      return videoGrid(stored, orientation);
    default:
      return null;
  }
}

/** A lossless file holds the chunk `VP8L`; what else there may be (alpha, metadata) comes before or after it. */
function isLossyWebp(bytes: Uint8Array): boolean {
  return !Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('VP8L', 12, 'latin1');
}
