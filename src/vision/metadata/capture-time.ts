import type { ExifValues } from './exif-values.ts';
import { checked, type Field, type Fields } from './field.ts';
import type { CaptureTime } from './metadata.ts';
import { EXIF_TAG } from './tags.ts';
import type { XmpValues } from './xmp-values.ts';

/** EXIF writes a date that is not known as zeros or spaces. */
const UNKNOWN = /^[\s0:]*$/;
const EXIF_TIME = /^(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)$/;
const XMP_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?$/;
const OFFSET = /^[+-](0\d|1[0-4]):(00|15|30|45)$/;
/** Photographs are not older. */
const FIRST_YEAR = 1800;

/** When the picture was taken; not when the file was changed. */
export function captureTime(exif: ExifValues, xmp: XmpValues, fields: Fields): CaptureTime | undefined {
  return fields.first(
    exifTime(exif, fields, EXIF_TAG.originalTime, EXIF_TAG.originalFraction, EXIF_TAG.originalOffset),
    exifTime(exif, fields, EXIF_TAG.digitizedTime, EXIF_TAG.digitizedFraction, EXIF_TAG.digitizedOffset),
    checked(xmp.text('exif', 'DateTimeOriginal'), xmpTime),
    checked(xmp.text('photoshop', 'DateCreated'), xmpTime),
    checked(xmp.text('xmp', 'CreateDate'), xmpTime),
  );
}

function exifTime(
  { exif }: ExifValues,
  fields: Fields,
  timeTag: number,
  fractionTag: number,
  offsetTag: number,
): Field<CaptureTime> {
  const local = checked(exif.text(timeTag), (text) => {
    if (UNKNOWN.test(text)) return undefined;
    const [, ...parts] = EXIF_TIME.exec(text) ?? [];
    return localTime(parts);
  });
  return checked(local, (time) => {
    const milliseconds = fields.first(checked(exif.text(fractionTag), toMilliseconds));
    const offset = fields.first(checked(exif.text(offsetTag), toOffset));
    return complete(time, milliseconds, offset);
  });
}

function xmpTime(text: string): CaptureTime | null {
  const match = XMP_TIME.exec(text);
  if (!match) return null;
  const [, year, month, day, hour, minute, second = '00', fraction, zone] = match;
  const local = localTime([year!, month!, day!, hour!, minute!, second]);
  const milliseconds = fraction === undefined ? undefined : toMilliseconds(fraction);
  const offset = zone === undefined ? undefined : toOffset(zone === 'Z' ? '+00:00' : zone);
  if (local === null || milliseconds === null || offset === null) return null;
  return complete(local, milliseconds, offset);
}

/** Null if the calendar or the clock has no such time. */
function localTime(parts: readonly string[]): string | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const [days, time] = [parts.slice(0, 3).join('-'), parts.slice(3).join(':')];
  const isReal = year >= FIRST_YEAR && date.toISOString() === `${days}T${time}.000Z`;
  return isReal ? `${days}T${time}` : null;
}

function toMilliseconds(digits: string): number | null {
  return /^\d{1,9}$/.test(digits) ? Number(digits.padEnd(3, '0').slice(0, 3)) : null;
}

function toOffset(text: string): string | null {
  return OFFSET.test(text) ? text : null;
}

function complete(local: string, milliseconds: number | undefined, offset: string | undefined): CaptureTime {
  return { local, ...(milliseconds !== undefined && { milliseconds }), ...(offset !== undefined && { offset }) };
}
