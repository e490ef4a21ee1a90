import type { Size } from '../geometry.ts';
import type { ExifValues } from './exif-values.ts';
import { checked, type Field, type Fields, present } from './field.ts';
import { type Panorama, PANORAMA_ANGLES, type PanoramaAngle, PROJECTIONS } from './metadata.ts';
import { IMAGE_TAG } from './tags.ts';
import type { XmpValues } from './xmp-values.ts';

const MAX_SIDE = 1_000_000;

/**
 * GPano (Photo Sphere XMP). Its sizes are those of the picture that comes out: a file that was made smaller after it was
 * stitched still states the old ones.
 * @param picture size of the upright picture
 */
export function panoramaOf(exif: ExifValues, xmp: XmpValues, fields: Fields, picture: Size): Panorama | undefined {
  const projection = fields.first(
    checked(xmp.text('GPano', 'ProjectionType'), (text) => PROJECTIONS.find((known) => known === text) ?? null),
  );
  if (projection === undefined) return undefined;
  const place = placeInPanorama(xmp, picture);
  // The angles and sides of a picture that was turned are not those of the result.
  const isTurned = (exif.image.number(IMAGE_TAG.orientation) ?? 1) !== 1;
  if (!place || isTurned) {
    fields.reject();
    return undefined;
  }
  const angles = Object.fromEntries(
    (Object.keys(PANORAMA_ANGLES) as PanoramaAngle[]).map((name) => [
      name,
      fields.first(checked(xmp.text('GPano', name), (text) => parseAngle(text, PANORAMA_ANGLES[name]))),
    ]),
  );
  return { projection, picture, ...place, angles: present(angles) ?? {} };
}

function placeInPanorama(xmp: XmpValues, picture: Size): Pick<Panorama, 'full' | 'left' | 'top'> | null {
  const pixels = (name: string) => {
    const text = xmp.text('GPano', name) ?? '';
    return /^\d{1,7}$/.test(text) && Number(text) <= MAX_SIDE ? Number(text) : NaN;
  };
  const [width, height] = [pixels('CroppedAreaImageWidthPixels'), pixels('CroppedAreaImageHeightPixels')];
  const scale = picture.width / width;
  if (!(width > 0) || !(Math.abs(height * scale - picture.height) <= 1)) return null;
  const scaled = (name: string) => Math.round(pixels(name) * scale);
  const full = { width: scaled('FullPanoWidthPixels'), height: scaled('FullPanoHeightPixels') };
  const [left, top] = [scaled('CroppedAreaLeftPixels'), scaled('CroppedAreaTopPixels')];
  // Written so that a number that is missing is not inside.
  const isInside = left + picture.width <= full.width + 1 && top + picture.height <= full.height + 1;
  if (!isInside) return null;
  return {
    full: { width: Math.max(full.width, left + picture.width), height: Math.max(full.height, top + picture.height) },
    left,
    top,
  };
}

function parseAngle(text: string, [least, most]: readonly [number, number]): Field<number> {
  if (!/^[+-]?\d{1,3}(\.\d{1,15})?$/.test(text)) return null;
  const angle = Number(text);
  return angle >= least && angle <= most ? Math.round(angle * 100) / 100 : null;
}
