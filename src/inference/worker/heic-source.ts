import type { LibHeif } from 'libheif-js/wasm-bundle.js';
import { DomainError } from '../../errors/domain-error.ts';
import type { Raster } from '../../vision/raster.ts';
import { type OwnColor, toRaster } from './own-color.ts';

/** Values of heif.h */
const COLORSPACE_RGB = 1;
const CHANNEL_INTERLEAVED = 10;
const CHROMA = { rgb: 10, rgba: 11, rgb16: 14, rgba16: 15 } as const;
/** Position of `strict_decoding` in the decoding options. */
const STRICT_DECODING = 21;
const ERROR_BYTES = 12;
const POINTER_BYTES = 4;

/**
 * The primary picture of a HEIC, upright, in the colors of its profile if it has one.
 * @throws Error if the file is damaged; DomainError unsupported_image if libheif is not installed
 */
export async function decodeHeic(bytes: Uint8Array, color: OwnColor | null): Promise<Raster> {
  const heif = await loadLibHeif();
  // Released in reverse order, whatever happens.
  const releases: (() => void)[] = [];
  const owned = (pointer: number, release: (pointer: number) => void): number => {
    if (pointer === 0) throw new Error('libheif is out of memory');
    releases.push(() => {
      release(pointer);
    });
    return pointer;
  };
  try {
    const memory = (size: number) => owned(heif._malloc(size), heif._free);
    const [error, result] = [memory(ERROR_BYTES), memory(POINTER_BYTES)];
    const pointed = () => heif.HEAPU32[result / POINTER_BYTES]!;
    const check = () => {
      const code = heif.HEAPU32[error / POINTER_BYTES]!;
      if (code !== 0) throw new Error(`libheif: ${textAt(heif, heif.HEAPU32[error / POINTER_BYTES + 2]!)}`);
    };

    const file = memory(bytes.length);
    heif.HEAPU8.set(bytes, file);
    const context = owned(heif._heif_context_alloc(), heif._heif_context_free);
    heif._heif_context_read_from_memory_without_copy(error, context, file, bytes.length, 0);
    check();
    heif._heif_context_get_primary_image_handle(error, context, result);
    check();
    const handle = owned(pointed(), heif._heif_image_handle_release);
    const hasAlpha = heif._heif_image_handle_has_alpha_channel(handle) !== 0;
    const bits = heif._heif_image_handle_get_luma_bits_per_pixel(handle);
    const options = owned(heif._heif_decoding_options_alloc(), heif._heif_decoding_options_free);
    heif.HEAPU8[options + STRICT_DECODING] = 1;
    const [deep, flat] = hasAlpha ? [CHROMA.rgba16, CHROMA.rgba] : [CHROMA.rgb16, CHROMA.rgb];
    heif._heif_decode_image(error, handle, result, COLORSPACE_RGB, bits > 8 ? deep : flat, options);
    check();
    const image = owned(pointed(), heif._heif_image_release);
    return copyPixels(heif, image, result, hasAlpha ? 4 : 3, bits, color);
  } finally {
    for (const release of releases.reverse()) release();
  }
}

function copyPixels(
  heif: LibHeif,
  image: number,
  stride: number,
  channels: 3 | 4,
  bits: number,
  color: OwnColor | null,
): Raster {
  const width = heif._heif_image_get_width(image, CHANNEL_INTERLEAVED);
  const height = heif._heif_image_get_height(image, CHANNEL_INTERLEAVED);
  const plane = heif._heif_image_get_plane_readonly(image, CHANNEL_INTERLEAVED, stride);
  const strideBytes = heif.HEAPU32[stride / POINTER_BYTES]!;
  const rowBytes = width * channels * (bits > 8 ? 2 : 1);
  const pixels = new Uint8Array(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const start = plane + y * strideBytes;
    pixels.set(heif.HEAPU8.subarray(start, start + rowBytes), y * rowBytes);
  }
  const samples = bits > 8 ? new Uint16Array(pixels.buffer) : pixels;
  return toRaster({ width, height, channels, samples, most: 2 ** bits - 1 }, color);
}

function textAt(heif: LibHeif, start: number): string {
  return String.fromCharCode(...heif.HEAPU8.subarray(start, heif.HEAPU8.indexOf(0, start)));
}

let loaded: Promise<LibHeif> | undefined;

/** An optional package: whoever must not distribute a decoder of HEVC leaves it out. Loaded by the first HEIC. */
function loadLibHeif(): Promise<LibHeif> {
  return (loaded ??= import('libheif-js/wasm-bundle.js').then(
    ({ default: libheif }) => libheif,
    (error: unknown) => {
      loaded = undefined;
      throw new DomainError(
        'unsupported_image',
        'HEIC images are not supported by this installation: the package libheif-js is missing. Send JPEG, PNG, WebP, AVIF, GIF or TIFF',
        { cause: error },
      );
    },
  ));
}
