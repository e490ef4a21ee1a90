import type { Raster } from '../../vision/raster.ts';

const SHORT = 3;
const LONG = 4;
const UNDEFINED = 7;

/**
 * Raw pixels and a color profile as an uncompressed, single-strip baseline TIFF (TIFF 6.0; the profile's tag is
 * from ICC.1, annex B.4).
 */
export function wrapInTiff({ width, height, channels, data }: Raster, profile: Buffer): Buffer {
  const directoryAt = 8;
  const entries = channels === 4 ? 12 : 11;
  const bitsAt = directoryAt + 2 + entries * 12 + 4;
  const profileAt = bitsAt + 2 * channels;
  const pixelsAt = profileAt + profile.length + (profile.length % 2);
  const file = Buffer.alloc(pixelsAt + data.length);

  file.write('II*\0', 'latin1');
  file.writeUInt32LE(directoryAt, 4);
  let at = file.writeUInt16LE(entries, directoryAt);
  const entry = (tag: number, type: number, count: number, value: number) => {
    at = file.writeUInt16LE(tag, at);
    at = file.writeUInt16LE(type, at);
    at = file.writeUInt32LE(count, at);
    at = file.writeUInt32LE(value, at); // a SHORT lies in the lower half, as little-endian wants it
  };
  entry(256, LONG, 1, width); // ImageWidth
  entry(257, LONG, 1, height); // ImageLength
  entry(258, SHORT, channels, bitsAt); // BitsPerSample
  entry(259, SHORT, 1, 1); // Compression: none
  entry(262, SHORT, 1, 2); // PhotometricInterpretation: RGB
  entry(273, LONG, 1, pixelsAt); // StripOffsets
  entry(277, SHORT, 1, channels); // SamplesPerPixel
  entry(278, LONG, 1, height); // RowsPerStrip
  entry(279, LONG, 1, data.length); // StripByteCounts
  entry(284, SHORT, 1, 1); // PlanarConfiguration: interleaved
  if (channels === 4) entry(338, SHORT, 1, 2); // ExtraSamples: alpha, not premultiplied
  entry(34675, UNDEFINED, profile.length, profileAt); // ICCProfile

  for (let channel = 0; channel < channels; channel++) file.writeUInt16LE(8, bitsAt + 2 * channel);
  profile.copy(file, profileAt);
  file.set(data, pixelsAt);
  return file;
}
