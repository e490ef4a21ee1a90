import { readFile } from 'node:fs/promises';
import { reasonOf } from '../errors/reason.ts';
import type { Detector } from '../inference/worker/detector.ts';
import type { DetectAnswer, DetectSettings } from '../inference/worker/messages.ts';
import { detectFaces } from '../inference/worker/pipeline.ts';
import type { LabelledPhoto } from './dataset.ts';

/** What the service would answer for a photo, and the milliseconds that its stages took. */
export interface MeasuredPhoto extends Pick<DetectAnswer, 'image' | 'faces' | 'timings'> {
  readonly photo: LabelledPhoto;
}

/**
 * Sends photos one after another through the worker's own detection, from the file's bytes to the selected faces. The
 * first photo goes through twice, the first time unmeasured, so that memory is allocated and code compiled by then.
 *
 * @throws Error that names the photo which cannot be read or decoded
 */
export async function detectAll(
  photos: readonly LabelledPhoto[],
  detector: Detector,
  settings: DetectSettings,
  onPhoto: () => void,
): Promise<MeasuredPhoto[]> {
  const measured: MeasuredPhoto[] = [];
  for (const photo of photos) {
    if (measured.length === 0) await detect(photo, detector, settings);
    const { image, faces, timings } = await detect(photo, detector, settings);
    measured.push({ photo, image, faces, timings });
    onPhoto();
  }
  return measured;
}

const neverCancelled = new Int32Array(new SharedArrayBuffer(4));

async function detect({ path }: LabelledPhoto, detector: Detector, settings: DetectSettings): Promise<DetectAnswer> {
  try {
    const image = await readFile(path);
    return await detectFaces(
      { image, detect: settings, cancel: neverCancelled },
      { detector, verifier: detector, maxPixels: Number.MAX_SAFE_INTEGER, maxFrames: 1 },
    );
  } catch (error) {
    throw new Error(`${path}: ${reasonOf(error)}`, { cause: error });
  }
}
