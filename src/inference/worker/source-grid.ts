import { DomainError } from '../../errors/domain-error.ts';
import { anywhereOn, type BlockGrid, jpegGrid, videoGrid } from '../../vision/block-grid.ts';
import { COMPRESSION, type TiffPage } from '../../vision/container/tiff-pages.ts';
import type { Size } from '../../vision/geometry.ts';
import type { ImageType } from '../../vision/image-type.ts';

/**
 * How far the source's coding carries what lies in a pixel, in pixels of the upright image.
 * @param pages of a TIFF, those that are shown
 * @throws DomainError undecodable_image where that is not to be known
 */
export function sourceGrid(
  bytes: Uint8Array,
  format: ImageType,
  stored: Size,
  orientation: number,
  pages: readonly TiffPage[],
): BlockGrid | 'lossless' {
  switch (format) {
    case 'jpeg':
      return known(jpegGrid(bytes, orientation));
    // Of a WebP, nothing tells whether it is lossless or "near-lossless".
    case 'webp':
    case 'avif':
      return videoGrid(stored, orientation);
    case 'tiff':
      return tiffGrid(bytes, pages);
    default:
      return 'lossless';
  }
}

/** Every strip and tile is an image of its own, whose blocks are counted from its own corner. */
function tiffGrid(bytes: Uint8Array, pages: readonly TiffPage[]): BlockGrid | 'lossless' {
  const grids = pages.flatMap(({ size, compression, pieces }): BlockGrid[] => {
    if (compression === COMPRESSION.webp) return [videoGrid(size, 1)];
    if (compression !== COMPRESSION.jpeg) return [];
    return pieces.map(([start, length]) => known(jpegGrid(bytes.subarray(start, start + length), 1)));
  });
  return grids.length > 0 ? anywhereOn(grids) : 'lossless';
}

function known(grid: BlockGrid | null): BlockGrid {
  if (grid === null) throw new DomainError('undecodable_image', 'The JPEG is damaged: it has no frame header');
  return grid;
}
