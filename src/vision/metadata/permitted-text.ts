import type { Field } from './field.ts';

/**
 * Texts that may be written anew. No character is invisible, so that a text holds nothing that a person does not see:
 * no control, format and private characters, no selectors of variants.
 */

const MAX_CREDIT = 500;
const MAX_CAMERA = 80;
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
/** What names of cameras and lenses consist of. */
const CAMERA_CHARACTERS = /^[A-Za-z0-9 .,:;/()+_&'*@#-]+$/;
/** No model has so many digits in a row, but serial numbers have. */
const LONG_NUMBER = /\d{6}/;

/** A name or a notice in any script, with single spaces. */
export function creditText(text: string): Field<string> {
  const tidy = text.normalize('NFC').replaceAll(/\s+/g, ' ').trim();
  if (tidy === '') return undefined;
  return INVISIBLE.test(tidy) || Array.from(tidy).length > MAX_CREDIT ? null : tidy;
}

/**
 * The name of a maker, camera or lens.
 * @param identifiers texts of the file that identify a device or a person: a name that contains one is not permitted
 */
export function cameraText(text: string, identifiers: readonly string[]): Field<string> {
  const tidy = text.replaceAll(/\s+/g, ' ').trim();
  if (tidy === '') return undefined;
  const isName = CAMERA_CHARACTERS.test(tidy) && tidy.length <= MAX_CAMERA && !LONG_NUMBER.test(tidy);
  return isName && !identifiers.some((identifier) => tidy.includes(identifier)) ? tidy : null;
}
