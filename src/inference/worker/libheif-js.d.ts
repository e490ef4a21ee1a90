/** The C functions of libheif (heif.h) that are used. Structures that C returns by value are written to the first argument. */
declare module 'libheif-js/wasm-bundle.js' {
  type Pointer = number;

  export interface LibHeif {
    /** Replaced by new views whenever the memory grows. */
    readonly HEAPU8: Uint8Array;
    readonly HEAPU32: Uint32Array;
    readonly _malloc: (bytes: number) => Pointer;
    readonly _free: (memory: Pointer) => void;
    readonly _heif_context_alloc: () => Pointer;
    readonly _heif_context_free: (context: Pointer) => void;
    readonly _heif_context_read_from_memory_without_copy: (
      error: Pointer,
      context: Pointer,
      file: Pointer,
      bytes: number,
      options: Pointer,
    ) => void;
    readonly _heif_context_get_primary_image_handle: (error: Pointer, context: Pointer, handle: Pointer) => void;
    readonly _heif_image_handle_has_alpha_channel: (handle: Pointer) => number;
    readonly _heif_image_handle_get_luma_bits_per_pixel: (handle: Pointer) => number;
    readonly _heif_image_handle_release: (handle: Pointer) => void;
    readonly _heif_decoding_options_alloc: () => Pointer;
    readonly _heif_decoding_options_free: (options: Pointer) => void;
    readonly _heif_decode_image: (
      error: Pointer,
      handle: Pointer,
      image: Pointer,
      colorspace: number,
      chroma: number,
      options: Pointer,
    ) => void;
    readonly _heif_image_get_width: (image: Pointer, channel: number) => number;
    readonly _heif_image_get_height: (image: Pointer, channel: number) => number;
    readonly _heif_image_get_plane_readonly: (image: Pointer, channel: number, stride: Pointer) => Pointer;
    readonly _heif_image_release: (image: Pointer) => void;
  }

  const libheif: LibHeif;
  export default libheif;
}
