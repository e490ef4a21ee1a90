import { ascii, concat } from '../container/bytes.ts';
import type { Camera, CaptureTime, Credit, MetadataValues, Place } from './metadata.ts';
import { EXIF_TAG, GPS_TAG, IMAGE_TAG } from './tags.ts';

/** One value of a directory (TIFF 6.0, section 2), in little-endian order. */
export interface TiffEntry {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  readonly data: Uint8Array;
}

/** The entries of the three directories of EXIF, each in the order of its tags. */
export interface ExifEntries {
  readonly image: readonly TiffEntry[];
  readonly exif: readonly TiffEntry[];
  readonly gps: readonly TiffEntry[];
}

const EXIF_VERSION = '0232';
/** Fractions that are written: of a second of arc, and of other values. */
const ARC_PARTS = 10_000;
const HUNDREDTHS = 100;
/** From this exposure time on, cameras state seconds instead of a fraction. */
const SLOW = 0.3;

/** The values as entries that depend on nothing else. */
export function exifEntries({ time, place, credit, camera }: MetadataValues): ExifEntries {
  const exif = [...(time ? timeEntries(time) : []), ...(camera ? exposureEntries(camera) : [])];
  const image = [...(camera ? cameraEntries(camera) : []), ...(credit ? creditEntries(credit) : [])];
  return {
    image: sorted(image),
    exif: exif.length > 0 ? sorted([fixed(EXIF_TAG.version, EXIF_VERSION), ...exif]) : [],
    gps: place ? sorted(placeEntries(place)) : [],
  };
}

function timeEntries({ local, milliseconds, offset }: CaptureTime): TiffEntry[] {
  return [
    text(EXIF_TAG.originalTime, local.replaceAll('-', ':').replace('T', ' ')),
    ...(milliseconds === undefined ? [] : [text(EXIF_TAG.originalFraction, String(milliseconds).padStart(3, '0'))]),
    ...(offset === undefined ? [] : [text(EXIF_TAG.originalOffset, offset)]),
  ];
}

function placeEntries({ latitude, longitude, altitude }: Place): TiffEntry[] {
  return [
    { tag: GPS_TAG.version, type: BYTE, count: 4, data: Uint8Array.of(2, 3, 0, 0) },
    text(GPS_TAG.latitudeRef, latitude < 0 ? 'S' : 'N'),
    rationals(GPS_TAG.latitude, ...arc(latitude)),
    text(GPS_TAG.longitudeRef, longitude < 0 ? 'W' : 'E'),
    rationals(GPS_TAG.longitude, ...arc(longitude)),
    ...(altitude === undefined
      ? []
      : [
          { tag: GPS_TAG.altitudeRef, type: BYTE, count: 1, data: Uint8Array.of(altitude < 0 ? 1 : 0) },
          rationals(GPS_TAG.altitude, hundredths(Math.abs(altitude))),
        ]),
  ];
}

function creditEntries({ creators, rights }: Credit): TiffEntry[] {
  return [
    ...(creators ? [text(IMAGE_TAG.artist, creators.join('; '))] : []),
    ...(rights === undefined ? [] : [text(IMAGE_TAG.copyright, rights)]),
  ];
}

function cameraEntries({ make, model }: Camera): TiffEntry[] {
  return [
    ...(make === undefined ? [] : [text(IMAGE_TAG.make, make)]),
    ...(model === undefined ? [] : [text(IMAGE_TAG.model, model)]),
  ];
}

function exposureEntries(camera: Camera): TiffEntry[] {
  const { exposureTime, fNumber, iso, exposureBias, focalLength, focalLength35, lensMake, lens } = camera;
  return [
    ...(exposureTime === undefined ? [] : [rationals(EXIF_TAG.exposureTime, exposure(exposureTime))]),
    ...(fNumber === undefined ? [] : [rationals(EXIF_TAG.fNumber, hundredths(fNumber))]),
    // A sensitivity beyond two bytes is stated as the largest number (CIPA DC-008, 4.6.6.5).
    ...(iso === undefined ? [] : [short(EXIF_TAG.iso, Math.min(iso, 65_535))]),
    ...(exposureBias === undefined ? [] : [signedRational(EXIF_TAG.exposureBias, hundredths(exposureBias))]),
    ...(focalLength === undefined ? [] : [rationals(EXIF_TAG.focalLength, hundredths(focalLength))]),
    ...(focalLength35 === undefined ? [] : [short(EXIF_TAG.focalLength35, focalLength35)]),
    ...(lensMake === undefined ? [] : [text(EXIF_TAG.lensMake, lensMake)]),
    ...(lens === undefined ? [] : [text(EXIF_TAG.lensModel, lens)]),
  ];
}

type Fraction = readonly [over: number, under: number];

/** Degrees, minutes and seconds. */
function arc(degrees: number): Fraction[] {
  const parts = Math.round(Math.abs(degrees) * 3600 * ARC_PARTS);
  return [
    [Math.floor(parts / (3600 * ARC_PARTS)), 1],
    [Math.floor(parts / (60 * ARC_PARTS)) % 60, 1],
    [parts % (60 * ARC_PARTS), ARC_PARTS],
  ];
}

function exposure(seconds: number): Fraction {
  return seconds < SLOW ? [1, Math.round(1 / seconds)] : hundredths(seconds);
}

function hundredths(value: number): Fraction {
  return [Math.round(value * HUNDREDTHS), HUNDREDTHS];
}

const BYTE = 1;
const ASCII = 2;
const SHORT = 3;
const LONG = 4;
const RATIONAL = 5;
const UNDEFINED = 7;
const SIGNED_RATIONAL = 10;

/** In UTF-8, as other programs do, though the specification says ASCII. */
function text(tag: number, value: string): TiffEntry {
  const data = concat(new TextEncoder().encode(value), Uint8Array.of(0));
  return { tag, type: ASCII, count: data.length, data };
}

function fixed(tag: number, value: string): TiffEntry {
  return { tag, type: UNDEFINED, count: value.length, data: ascii(value) };
}

function short(tag: number, value: number): TiffEntry {
  return { tag, type: SHORT, count: 1, data: littleEndian(2, Math.round(value)) };
}

function rationals(tag: number, ...fractions: readonly Fraction[]): TiffEntry {
  return { tag, type: RATIONAL, count: fractions.length, data: littleEndian(4, ...fractions.flat()) };
}

function signedRational(tag: number, fraction: Fraction): TiffEntry {
  return { tag, type: SIGNED_RATIONAL, count: 1, data: littleEndian(4, ...fraction) };
}

/** The position of a directory, or another number of four bytes. */
export function long(tag: number, value: number): TiffEntry {
  return { tag, type: LONG, count: 1, data: littleEndian(4, value) };
}

/** @param size bytes of each; negative numbers as two's complement */
export function littleEndian(size: 2 | 4, ...values: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    if (size === 2) view.setUint16(2 * index, value, true);
    else view.setUint32(4 * index, value, true);
  });
  return bytes;
}

function sorted(entries: readonly TiffEntry[]): TiffEntry[] {
  return [...entries].sort((a, b) => a.tag - b.tag);
}
