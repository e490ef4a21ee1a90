import { heifMetadata } from './heif-metadata.ts';
import { latin1 } from './part.ts';
import { partsOf } from './parts-of.ts';

/** The metadata of an image file as it lies there. */
export interface MetadataBlocks {
  /** A TIFF, as which EXIF is stored. */
  readonly exif: Uint8Array | null;
  readonly xmp: Uint8Array | null;
}

const EXIF_SIGNATURE = 'Exif\0\0';
const XMP_SIGNATURE = 'http://ns.adobe.com/xap/1.0/\0';
/** Keyword of a text chunk, not compressed. */
const PNG_XMP_SIGNATURE = 'XML:com.adobe.xmp\0\0\0';

/** The first EXIF and XMP of the file, as viewers read them. Of several pages or frames, those of the first. Never throws. */
export function metadataBlocks(file: Uint8Array): MetadataBlocks {
  const { format, parts } = partsOf(file);
  const find = (name: string) => parts.find((part) => part.name === name)?.data ?? null;
  switch (format) {
    case 'jpeg':
      return {
        exif: withoutSignature(find('APP1 Exif'), EXIF_SIGNATURE),
        xmp: withoutSignature(find('APP1 XMP'), XMP_SIGNATURE),
      };
    case 'png': {
      const texts = parts.filter(({ name }) => name === 'iTXt').map(({ data }) => data);
      const xmp = texts.find((data) => startsWith(data, PNG_XMP_SIGNATURE)) ?? null;
      return { exif: find('eXIf'), xmp: xmp && afterLanguage(xmp) };
    }
    case 'webp':
      return { exif: withoutSignature(find('EXIF'), EXIF_SIGNATURE), xmp: find('XMP') };
    case 'tiff':
      return { exif: file, xmp: find('tag 700') };
    case 'avif':
      return heifMetadata(file);
    case 'gif':
    case null:
      return { exif: null, xmp: null };
  }
}

function startsWith(bytes: Uint8Array, signature: string): boolean {
  return latin1(bytes, 0, signature.length) === signature;
}

function withoutSignature(block: Uint8Array | null, signature: string): Uint8Array | null {
  return block && startsWith(block, signature) ? block.subarray(signature.length) : block;
}

/** After the language and the translated keyword, which end with NUL. */
function afterLanguage(text: Uint8Array): Uint8Array {
  const language = text.indexOf(0, PNG_XMP_SIGNATURE.length);
  return text.subarray(text.indexOf(0, language + 1) + 1);
}
