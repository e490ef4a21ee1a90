import { outward } from '../../vision/geometry.ts';
import { sizeAt } from '../../vision/letterbox.ts';
import { bordersCutting, brightnessOf, poseOf, sharpnessOf } from '../../vision/quality.ts';
import { cropPixels, type Raster } from '../../vision/raster.ts';
import type { Face } from './messages.ts';
import { resizePixels } from './source-image.ts';

/** Long side of the crops that are compared, in pixels: what programs that recognize faces commonly look at. */
const CROP = 112;
/** The Laplacian needs neighbors. */
const SMALLEST_SIDE = 3;

/**
 * The faces with their quality.
 * @param photo at full size, not masked
 * @param faces with boxes in pixels of the photo, none of them empty
 */
export async function assessFaces(faces: readonly Face[], photo: Raster): Promise<Face[]> {
  const assessed: Face[] = [];
  for (const face of faces) {
    const { box, landmarks } = face;
    const crop = cropPixels(photo, outward(box));
    const { width, height } = sizeAt(crop, CROP);
    const size = { width: Math.max(width, SMALLEST_SIDE), height: Math.max(height, SMALLEST_SIDE) };
    const scaled = await resizePixels(crop, size);
    const quality = {
      pose: landmarks && poseOf(landmarks),
      sharpness: sharpnessOf(scaled),
      brightness: brightnessOf(scaled),
      cutBy: bordersCutting(box, photo),
    };
    assessed.push({ ...face, quality });
  }
  return assessed;
}
