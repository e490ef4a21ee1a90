import type { Size } from '../geometry.ts';

/** What a masked image can bring along besides its pixels, if the caller asks for it. */
export const METADATA_GROUPS = ['time', 'place', 'credit', 'camera', 'panorama'] as const;
export type MetadataGroup = (typeof METADATA_GROUPS)[number];

/**
 * What came of a group. carried: all values are in the output; partly_carried: some were left out, because they are damaged
 * or not permitted; rejected: all were, for the same reason; missing: the image has none; unsupported: the output format
 * cannot hold them.
 */
export const METADATA_OUTCOMES = ['carried', 'partly_carried', 'rejected', 'missing', 'unsupported'] as const;
export type MetadataOutcome = (typeof METADATA_OUTCOMES)[number];
export type MetadataOutcomes = Readonly<Partial<Record<MetadataGroup, MetadataOutcome>>>;

/** When the picture was taken, by the clock of the camera. */
export interface CaptureTime {
  /** As in `2026-11-28T06:40:00`. */
  readonly local: string;
  readonly milliseconds?: number;
  /** From UTC, as in `+02:00`. */
  readonly offset?: string;
}

export interface Place {
  /** Degrees, north and east are positive. */
  readonly latitude: number;
  readonly longitude: number;
  /** Meters above the sea. */
  readonly altitude?: number;
}

export interface Credit {
  readonly creators?: readonly string[];
  readonly rights?: string;
  /** Whom to name with the picture. */
  readonly credit?: string;
}

export interface Camera {
  readonly make?: string;
  readonly model?: string;
  readonly lensMake?: string;
  readonly lens?: string;
  /** Seconds */
  readonly exposureTime?: number;
  readonly fNumber?: number;
  readonly iso?: number;
  readonly exposureBias?: number;
  /** Millimeters */
  readonly focalLength?: number;
  readonly focalLength35?: number;
}

export const PROJECTIONS = ['equirectangular', 'cylindrical'] as const;

/** Angles of GPano in degrees, and their ranges. */
export const PANORAMA_ANGLES = {
  PoseHeadingDegrees: [0, 360],
  PosePitchDegrees: [-90, 90],
  PoseRollDegrees: [-180, 180],
  InitialViewHeadingDegrees: [0, 360],
  InitialViewPitchDegrees: [-90, 90],
  InitialViewRollDegrees: [-180, 180],
  InitialHorizontalFOVDegrees: [1, 360],
} as const;
export type PanoramaAngle = keyof typeof PANORAMA_ANGLES;

/** Where the picture lies in a panorama (GPano), in pixels of the picture. */
export interface Panorama {
  readonly projection: (typeof PROJECTIONS)[number];
  readonly picture: Size;
  readonly full: Size;
  readonly left: number;
  readonly top: number;
  readonly angles: Readonly<Partial<Record<PanoramaAngle, number>>>;
}

export interface MetadataValues {
  readonly time?: CaptureTime;
  readonly place?: Place;
  readonly credit?: Credit;
  readonly camera?: Camera;
  readonly panorama?: Panorama;
}
