import sharp from 'sharp';

/**
 * Disables all loaders of libvips except those of the supported image types, so that no other decoder ever gets the bytes
 * of an upload. This applies to all threads of the process, so only main calls it: tests need SVG.
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
