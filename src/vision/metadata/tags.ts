/** Tags of EXIF (CIPA DC-008) that are read or written, by the directory that they belong to. */

export const IMAGE_TAG = {
  make: 271,
  model: 272,
  orientation: 274,
  artist: 315,
  xmp: 700,
  copyright: 33_432,
  exifDirectory: 34_665,
  gpsDirectory: 34_853,
  dngSerialNumber: 50_735,
} as const;

export const EXIF_TAG = {
  exposureTime: 33_434,
  fNumber: 33_437,
  iso: 34_855,
  version: 36_864,
  originalTime: 36_867,
  digitizedTime: 36_868,
  originalOffset: 36_881,
  digitizedOffset: 36_882,
  exposureBias: 37_380,
  focalLength: 37_386,
  originalFraction: 37_521,
  digitizedFraction: 37_522,
  focalLength35: 41_989,
  ownerName: 42_032,
  serialNumber: 42_033,
  lensMake: 42_035,
  lensModel: 42_036,
  lensSerialNumber: 42_037,
} as const;

export const GPS_TAG = {
  version: 0,
  latitudeRef: 1,
  latitude: 2,
  longitudeRef: 3,
  longitude: 4,
  altitudeRef: 5,
  altitude: 6,
} as const;
