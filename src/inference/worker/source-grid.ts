import { type BlockGrid, jpegGrid, videoGrid } from '../../vision/block-grid.ts';
import { webpParts } from '../../vision/container/webp-parts.ts';
import type { Size } from '../../vision/geometry.ts';
import type { ImageType } from '../../vision/image-type.ts';

/** The grid by whose blocks the source's coding has smeared a face, in pixels of the upright image; null: lossless. */
export function sourceGrid(bytes: Uint8Array, format: ImageType, stored: Size, orientation: number): BlockGrid | null {
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

/** Of an animation, each frame may be one or the other. */
function isLossyWebp(bytes: Uint8Array): boolean {
  return webpParts(bytes).some(({ name }) => name === 'VP8' || name === 'ANMF VP8');
}
