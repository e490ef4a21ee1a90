import { readFile } from 'node:fs/promises';
import { reasonOf } from '../errors/reason.ts';
import type { DetectAnswer, DetectSettings } from '../inference/worker/messages.ts';
import { detectFaces, type Tools } from '../inference/worker/pipeline.ts';
import type { LabeledPhoto } from './dataset.ts';

/** The response of the service for a photo, and the milliseconds of its stages. */
export interface MeasuredPhoto extends Pick<DetectAnswer, 'image' | 'faces' | 'timings'> {
  readonly photo: LabeledPhoto;
  /** Longer side in pixels of the photo of the smallest face that can be expected to be found. */
  readonly smallestFace: number;
}

/**
 * Runs the detection of the worker on one photo after another, from the bytes of the file to the selected faces. It calls
 * the detection directly and not `ImageProcessing`, because a measurement needs scores below the minimum of the API and as
 * many faces as there are, and must not wait in a queue or be stored. The first photo is detected twice, the first time
 * unmeasured, so that memory is allocated and code is compiled.
 *
 * @throws Error that names the photo that cannot be read or decoded
 */
export async function detectAll(
  photos: readonly LabeledPhoto[],
  detectors: Pick<Tools, 'detector' | 'second'>,
  settings: DetectSettings,
  onPhoto: () => void,
): Promise<MeasuredPhoto[]> {
  const measured: MeasuredPhoto[] = [];
  for (const photo of photos) {
    if (measured.length === 0) await detect(photo, detectors, settings);
    const { image, faces, timings, search } = await detect(photo, detectors, settings);
    measured.push({ photo, image, faces, timings, smallestFace: search!.smallestFace });
    onPhoto();
  }
  return measured;
}

const neverCanceled = new Int32Array(new SharedArrayBuffer(4));

async function detect(
  { path }: LabeledPhoto,
  detectors: Pick<Tools, 'detector' | 'second'>,
  settings: DetectSettings,
): Promise<DetectAnswer> {
  try {
    const image = await readFile(path);
    return await detectFaces(
      { image, detect: settings, cancel: neverCanceled },
      { ...detectors, maxPixels: Number.MAX_SAFE_INTEGER, maxFrames: 1 },
    );
  } catch (error) {
    throw new Error(`${path}: ${reasonOf(error)}`, { cause: error });
  }
}
