import type { Box, Point, Size } from './geometry.ts';
import type { Raster } from './raster.ts';
import type { Landmarks } from './scrfd.ts';

/** How a head is turned, in degrees. */
export interface Pose {
  /** Clockwise in the image: 0 upright, 90 lying on its right side as seen, ±180 upside down. */
  readonly roll: number;
  /** Positive: it looks to the right of the image. */
  readonly yaw: number;
  /** Positive: it looks up. */
  readonly pitch: number;
}

export const SIDES = ['left', 'top', 'right', 'bottom'] as const;
export type Side = (typeof SIDES)[number];

/**
 * A frontal face in multiples of the distance between its eyes: how far nose and mouth are below the eyes, from the five
 * points that ArcFace aligns faces to (Deng et al., arXiv 1801.07698), and how far the nose stands before the plane of
 * eyes and mouth, from MediaPipe's canonical face model.
 */
const FRONTAL = { nose: 0.572, mouth: 1.155, noseDepth: 0.6 } as const;

/**
 * The pose of an average head whose landmarks are seen from far away (orthographic projection). Roll is exact as far as
 * the landmarks are; yaw and pitch depend on the person's nose as well, and each is exact only where the other is small.
 *
 * - Roll is the direction of the line between the eyes plus the line from eyes to mouth, turned by a quarter: the first
 *   alone has no direction in a profile, where the eyes coincide.
 * - Yaw: a nose that stands p before the face moves by p·sin(yaw), while the distance d of the eyes shrinks to d·cos(yaw).
 * - Pitch: along the face's own vertical, the nose is seen at n·cos(pitch) − p·sin(pitch) below the eyes, and the mouth at
 *   m·cos(pitch). Their ratio does not depend on the size.
 */
export function poseOf([leftEye, rightEye, nose, mouthLeft, mouthRight]: Landmarks): Pose {
  const eyes = middle(leftEye, rightEye);
  const mouth = middle(mouthLeft, mouthRight);
  const roll = Math.atan2(rightEye.y - leftEye.y - (mouth.x - eyes.x), rightEye.x - leftEye.x + (mouth.y - eyes.y));
  const upright = ({ x, y }: Point) => ({
    x: (x - eyes.x) * Math.cos(roll) + (y - eyes.y) * Math.sin(roll),
    y: (y - eyes.y) * Math.cos(roll) - (x - eyes.x) * Math.sin(roll),
  });
  const [eye, tip, lips] = [upright(rightEye), upright(nose), upright(mouth)];
  const eyeDistance = Math.max(0, 2 * eye.x);
  const yaw = Math.atan2(tip.x - lips.x / 2, FRONTAL.noseDepth * eyeDistance);
  const pitch = Math.atan2(FRONTAL.nose * lips.y - FRONTAL.mouth * tip.y, FRONTAL.noseDepth * lips.y);
  return { roll: degrees(roll), yaw: degrees(yaw), pitch: degrees(pitch) };
}

function middle(a: Point, b: Point): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

function degrees(radians: number): number {
  return (radians * 180) / Math.PI;
}

/** Weights of red, green and blue in the brightness (ITU-R BT.601). */
const LUMA = [0.299, 0.587, 0.114] as const;

/** Of each RGB or RGBA pixel, 0 to 255. */
function lumaOf({ width, height, channels, data }: Raster): Float32Array {
  return Float32Array.from(
    { length: width * height },
    (_, pixel) =>
      LUMA[0] * data[pixel * channels]! + LUMA[1] * data[pixel * channels + 1]! + LUMA[2] * data[pixel * channels + 2]!,
  );
}

/** Mean brightness as encoded, 0 (black) to 1 (white). */
export function brightnessOf(crop: Raster): number {
  const luma = lumaOf(crop);
  return luma.reduce((sum, value) => sum + value, 0) / luma.length / 255;
}

/**
 * Variance of the Laplacian of the brightness (Pech-Pacheco et al., ICPR 2000): how much detail there is. It grows with
 * contrast and noise too. To be compared between faces, the crops must be of one size.
 * @param crop of at least 3 × 3 pixels
 */
export function sharpnessOf(crop: Raster): number {
  const { width, height } = crop;
  const luma = lumaOf(crop);
  let [sum, squares] = [0, 0];
  for (let y = 1; y < height - 1; y++) {
    for (let at = y * width + 1; at < (y + 1) * width - 1; at++) {
      const bend = luma[at - 1]! + luma[at + 1]! + luma[at - width]! + luma[at + width]! - 4 * luma[at]!;
      sum += bend;
      squares += bend ** 2;
    }
  }
  const count = (width - 2) * (height - 2);
  return squares / count - (sum / count) ** 2;
}

/** A box that ends closer to the border than this share of its own length reaches it: detectors draw no sharper. */
const AT_BORDER = 0.05;

/** The sides of the photo that cut the face. */
export function bordersCutting(box: Box, photo: Size): Side[] {
  const across = AT_BORDER * (box.right - box.left);
  const down = AT_BORDER * (box.bottom - box.top);
  const reaches: Readonly<Record<Side, boolean>> = {
    left: box.left < across,
    top: box.top < down,
    right: box.right > photo.width - across,
    bottom: box.bottom > photo.height - down,
  };
  return SIDES.filter((side) => reaches[side]);
}

/** How well a face can be seen. */
export interface FaceQuality {
  /** Null where the model gives no landmarks. */
  readonly pose: Pose | null;
  readonly sharpness: number;
  readonly brightness: number;
  readonly cutBy: readonly Side[];
}
