import sharp from 'sharp';

/**
 * Leaves libvips only the loaders of the image types that are taken: whatever bytes look like, no other decoder ever
 * sees them. Holds for the whole process, threads included, and is therefore called by main alone: tests draw SVG.
 */
export function restrictDecoders(): void {
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: [
      'VipsForeignLoadJpegBuffer',
      'VipsForeignLoadPngBuffer',
      'VipsForeignLoadWebpBuffer',
      'VipsForeignLoadHeifBuffer',
      'VipsForeignLoadNsgifBuffer',
      'VipsForeignLoadTiffBuffer',
    ],
  });
}
