import type { Directory, ExifValues } from './exif-values.ts';
import { checked, type Field, type Fields, present } from './field.ts';
import type { Place } from './metadata.ts';
import { GPS_TAG } from './tags.ts';
import type { XmpValues } from './xmp-values.ts';

/** Meters: below every sea, above every airplane and balloon. */
const ALTITUDES = [-12_000, 60_000] as const;
const MAX_DEGREES = { NS: 90, EW: 180 } as const;

export function placeOf({ gps }: ExifValues, xmp: XmpValues, fields: Fields): Place | undefined {
  const latitude = fields.first(
    exifDegrees(gps, GPS_TAG.latitude, GPS_TAG.latitudeRef, 'NS'),
    checked(xmp.text('exif', 'GPSLatitude'), (text) => xmpDegrees(text, 'NS')),
  );
  const longitude = fields.first(
    exifDegrees(gps, GPS_TAG.longitude, GPS_TAG.longitudeRef, 'EW'),
    checked(xmp.text('exif', 'GPSLongitude'), (text) => xmpDegrees(text, 'EW')),
  );
  const altitude = fields.first(exifAltitude(gps), xmpAltitude(xmp));
  if (latitude !== undefined && longitude !== undefined) return present({ latitude, longitude, altitude }) as Place;
  // A half of a position, or a height alone, is no place.
  if (latitude !== undefined || longitude !== undefined || altitude !== undefined) fields.reject();
  return undefined;
}

/** Degrees, minutes and seconds, each of which may have a fraction. */
function exifDegrees(gps: Directory, tag: number, refTag: number, sides: 'NS' | 'EW'): Field<number> {
  return checked(gps.numbers(tag), (numbers) => {
    const [degrees = -1, minutes = -1, seconds = -1] = numbers;
    if (numbers.length !== 3 || minutes >= 60 || seconds > 60) return null;
    if (degrees < 0 || minutes < 0 || seconds < 0) return null;
    return signed(degrees + minutes / 60 + seconds / 3600, gps.text(refTag) ?? '', sides);
  });
}

/** `51,30,36N` or `51,30.6N` */
function xmpDegrees(text: string, sides: 'NS' | 'EW'): number | null {
  const match = /^(\d{1,3}),(\d{1,2}(?:\.\d{1,12})?)(?:,(\d{1,2}(?:\.\d{1,12})?))?([NSEW])$/.exec(text);
  if (!match) return null;
  const [degrees, minutes, seconds] = [match[1], match[2], match[3] ?? 0].map(Number) as [number, number, number];
  return minutes < 60 && seconds <= 60 ? signed(degrees + minutes / 60 + seconds / 3600, match[4]!, sides) : null;
}

function signed(value: number, side: string, sides: 'NS' | 'EW'): number | null {
  if (side.length !== 1 || !sides.includes(side) || value > MAX_DEGREES[sides]) return null;
  return side === sides[1] ? -value : value;
}

function exifAltitude(gps: Directory): Field<number> {
  const below = gps.number(GPS_TAG.altitudeRef) ?? 0;
  return checked(gps.number(GPS_TAG.altitude), (meters) => signedAltitude(meters, below));
}

function xmpAltitude(xmp: XmpValues): Field<number> {
  return checked(xmp.text('exif', 'GPSAltitude'), (text) => {
    const [, over, under] = /^(\d{1,9})\/(\d{1,9})$/.exec(text) ?? [];
    return signedAltitude(Number(over) / Number(under), Number(xmp.text('exif', 'GPSAltitudeRef') ?? 0));
  });
}

function signedAltitude(meters: number, below: number): number | null {
  if (below !== 0 && below !== 1) return null;
  const altitude = below === 1 ? -meters : meters;
  return altitude >= ALTITUDES[0] && altitude <= ALTITUDES[1] ? altitude : null;
}
