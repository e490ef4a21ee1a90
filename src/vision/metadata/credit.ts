import type { ExifValues } from './exif-values.ts';
import { checked, type Field, type Fields, present } from './field.ts';
import type { Credit } from './metadata.ts';
import { creditText } from './permitted-text.ts';
import { IMAGE_TAG } from './tags.ts';
import type { XmpValues } from './xmp-values.ts';

const MAX_CREATORS = 10;

/** Who made the picture, and whose it is. XMP comes first: it knows several creators, and all scripts. */
export function creditOf({ image }: ExifValues, xmp: XmpValues, fields: Fields): Credit | undefined {
  return present({
    creators: fields.first(
      checked(xmp.list('dc', 'creator'), (names) => creators(names, fields)),
      checked(image.text(IMAGE_TAG.artist), (name) => creators([name], fields)),
    ),
    rights: fields.first(
      checked(xmp.text('dc', 'rights'), creditText),
      checked(image.text(IMAGE_TAG.copyright), creditText),
    ),
    credit: fields.first(checked(xmp.text('photoshop', 'Credit'), creditText)),
  });
}

function creators(names: readonly string[], fields: Fields): Field<string[]> {
  const permitted = names.map(creditText).flatMap((name) => name ?? []);
  if (permitted.length < names.length || names.length > MAX_CREATORS) fields.reject();
  return permitted.length > 0 ? permitted.slice(0, MAX_CREATORS) : null;
}
