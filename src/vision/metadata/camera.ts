import type { ExifValues } from './exif-values.ts';
import { checked, type Field, type Fields, present } from './field.ts';
import type { Camera } from './metadata.ts';
import { cameraText } from './permitted-text.ts';
import { EXIF_TAG, IMAGE_TAG } from './tags.ts';
import type { XmpValues } from './xmp-values.ts';

/** Shorter texts, such as "1", are found in many names. */
const SHORTEST_IDENTIFIER = 3;

const RANGES = {
  exposureTime: [1e-6, 86_400],
  fNumber: [0.1, 1000],
  iso: [1, 10_000_000],
  exposureBias: [-20, 20],
  focalLength: [0.1, 20_000],
  focalLength35: [1, 20_000],
} as const;
type Exposure = keyof typeof RANGES;

/** The camera and its settings, and nothing that tells one device or its owner from others. */
export function cameraOf(values: ExifValues, xmp: XmpValues, fields: Fields): Camera | undefined {
  const { image, exif } = values;
  const identifiers = identifiersIn(values, xmp);
  const name = (...texts: readonly Field<string>[]) =>
    fields.first(...texts.map((text) => checked(text, (given) => cameraText(given, identifiers))));
  const number = (exposure: Exposure, tag: number, ...texts: readonly Field<string>[]) =>
    fields.first(
      checked(exif.number(tag), (value) => inRange(value, exposure)),
      ...texts.map((text) => checked(text, (given) => inRange(parseNumber(given), exposure))),
    );
  return present({
    make: name(image.text(IMAGE_TAG.make), xmp.text('tiff', 'Make')),
    model: name(image.text(IMAGE_TAG.model), xmp.text('tiff', 'Model')),
    lensMake: name(exif.text(EXIF_TAG.lensMake), xmp.text('exifEX', 'LensMake')),
    lens: name(exif.text(EXIF_TAG.lensModel), xmp.text('exifEX', 'LensModel'), xmp.text('aux', 'Lens')),
    exposureTime: number('exposureTime', EXIF_TAG.exposureTime, xmp.text('exif', 'ExposureTime')),
    fNumber: number('fNumber', EXIF_TAG.fNumber, xmp.text('exif', 'FNumber')),
    iso: number(
      'iso',
      EXIF_TAG.iso,
      xmp.text('exifEX', 'PhotographicSensitivity'),
      xmp.text('exif', 'ISOSpeedRatings'),
    ),
    exposureBias: number('exposureBias', EXIF_TAG.exposureBias, xmp.text('exif', 'ExposureBiasValue')),
    focalLength: number('focalLength', EXIF_TAG.focalLength, xmp.text('exif', 'FocalLength')),
    focalLength35: number('focalLength35', EXIF_TAG.focalLength35, xmp.text('exif', 'FocalLengthIn35mmFilm')),
  });
}

/** Some writers repeat them in the name of the model or the lens. */
function identifiersIn({ image, exif }: ExifValues, xmp: XmpValues): string[] {
  const texts = [
    image.text(IMAGE_TAG.dngSerialNumber),
    exif.text(EXIF_TAG.serialNumber),
    exif.text(EXIF_TAG.lensSerialNumber),
    exif.text(EXIF_TAG.ownerName),
    xmp.text('aux', 'SerialNumber'),
    xmp.text('aux', 'LensSerialNumber'),
    xmp.text('aux', 'OwnerName'),
    xmp.text('exifEX', 'BodySerialNumber'),
    xmp.text('exifEX', 'LensSerialNumber'),
    xmp.text('exifEX', 'CameraOwnerName'),
  ];
  return texts.flatMap((text) => text ?? []).filter(({ length }) => length >= SHORTEST_IDENTIFIER);
}

function inRange(value: number, exposure: Exposure): number | null {
  const [least, most] = RANGES[exposure];
  return value >= least && value <= most ? value : null;
}

/** A number, or a fraction as in `1/250`; NaN if it is neither. */
function parseNumber(text: string): number {
  const [, over, under] = /^([+-]?\d{1,10}(?:\.\d{1,10})?)(?:\/(\d{1,10}))?$/.exec(text) ?? [];
  return Number(over) / Number(under ?? 1);
}
