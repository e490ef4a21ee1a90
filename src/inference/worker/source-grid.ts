import { DomainError } from '../../errors/domain-error.ts';
import { anywhereOn, type BlockGrid, jpegGrid, videoGrid } from '../../vision/block-grid.ts';
import { COMPRESSION, type TiffPage } from '../../vision/container/tiff-pages.ts';
import type { Size } from '../../vision/geometry.ts';
import type { ImageType } from '../../vision/image-type.ts';

/**
 * How far the coding of the source spreads the content of a pixel, in pixels of the upright image.
 * @param pages the visible pages of a TIFF
 * @throws DomainError undecodable_image if that cannot be determined
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
    // A lossless WebP cannot be distinguished from a "near-lossless" one.
    case 'webp':
    case 'avif':
      return videoGrid(stored, orientation);
    // Coded in tiles and turned afterwards.
    case 'heic':
      return anywhereOn([videoGrid(stored, 1)]);
    case 'tiff':
      return tiffGrid(bytes, pages);
    default:
      return 'lossless';
  }
}

/** Every strip and tile is a separate image, whose blocks start at its own corner. */
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
