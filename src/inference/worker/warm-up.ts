import { randomBytes } from 'node:crypto';
import sharp from 'sharp';
import type { DetectSettings, MaskSettings } from './messages.ts';
import { maskFaces, type Tools } from './pipeline.ts';

const SIZE = { width: 640, height: 480 };
const DETECT: DetectSettings = {
  threshold: 0.5,
  nmsThreshold: 0.4,
  minFaceSize: 0,
  maxFaces: 100,
  order: 'score',
  inputSize: 640,
  maxInputSize: 640,
  largeFaces: true,
  recall: 'fast',
  faceQuality: false,
  deadline: Infinity,
};
const MASK: MaskSettings = {
  plan: { shape: 'ellipse', padding: 0.2 },
  margin: 0.5,
  style: { method: 'blur', color: [0, 0, 0], strength: 0.5, mark: false },
  reviewThreshold: 1,
  regions: [{ left: 100, top: 100, right: 300, bottom: 300 }],
  format: undefined,
  quality: 90,
  effort: 'fast',
  verify: false,
  verifyThreshold: 0.5,
  metadata: [],
  digests: false,
};
/** Does the work of a request, so that code is compiled, tensors are allocated and codecs are loaded before the first. */
export async function doAsRequests(tools: Tools): Promise<void> {
  const noise = randomBytes(3 * SIZE.width * SIZE.height);
  const picture = sharp(noise, { raw: { ...SIZE, channels: 3 } });
  const image = new Uint8Array(await picture.jpeg().toBuffer());
  const cancel = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  await maskFaces({ image, detect: DETECT, mask: MASK, cancel }, tools);
}
