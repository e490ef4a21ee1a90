import type { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import type { LoadedModel } from '../models/loaded-model.ts';
import type { Box, Point } from '../vision/geometry.ts';
import type { FaceQuality } from '../vision/quality.ts';
import type { ImageRequest } from './image-request.ts';
import type { DetectionBody, DetectOptions, VerificationBody } from './schemas.ts';
import type {
  DetectAnswer,
  DetectSettings,
  Face,
  LooksOfDetector,
  SearchFacts,
  Verification,
} from './worker/messages.ts';
import { processMs } from './worker/process-clock.ts';

/**
 * The options of the request, completed with the configured defaults.
 * @param receivedAt time at which `latency_budget_ms` starts, in milliseconds of `processMs`
 * @throws DomainError invalid_option if an option exceeds a configured limit
 */
export function toDetectSettings(
  options: DetectOptions,
  defaults: Configuration['detection'],
  receivedAt = processMs(),
): DetectSettings {
  const { maxInputSize } = defaults;
  const inputSize = options.input_size ?? defaults.inputSize;
  if (inputSize > maxInputSize) {
    throw new DomainError('invalid_option', `input_size: the maximum of this service is ${maxInputSize}`);
  }
  return {
    threshold: options.threshold ?? defaults.threshold,
    nmsThreshold: options.nms_threshold ?? defaults.nmsThreshold,
    minFaceSize: options.min_face_size ?? defaults.minFaceSize,
    maxFaces: options.max_faces ?? Infinity,
    order: options.order ?? 'score',
    inputSize,
    maxInputSize,
    largeFaces: options.large_faces ?? defaults.largeFaces,
    recall: options.recall ?? defaults.recall,
    faceQuality: options.face_quality ?? false,
    deadline: receivedAt + (options.latency_budget_ms ?? Infinity),
  };
}

/** The settings by the names of the options. */
export function detectSettingsBody(settings: DetectSettings): Record<string, unknown> {
  return {
    threshold: settings.threshold,
    nms_threshold: settings.nmsThreshold,
    min_face_size: settings.minFaceSize,
    input_size: settings.inputSize,
    large_faces: settings.largeFaces,
    recall: settings.recall,
    face_quality: settings.faceQuality,
  };
}

/** The JSON response. Pixels are rounded to hundredths, scores and shares to ten-thousandths. */
export function toDetectionBody(
  { image, faces, search, hiddenPayloads, notes, timings }: DetectAnswer,
  { id, queuedMs, jobId }: Pick<ImageRequest, 'id' | 'queuedMs' | 'jobId'>,
  { name, sha256 }: LoadedModel,
  { landmarks = true }: Pick<DetectOptions, 'landmarks'>,
): DetectionBody {
  const stages = { queue: queuedMs, ...timings };
  const total = Object.values(stages).reduce((sum, ms) => sum + ms, 0);
  return {
    id,
    ...(jobId !== null && { job_id: jobId }),
    model: { name, sha256 },
    image,
    faces: faces.map((face) => toFaceBody(face, image, landmarks)),
    face_count: faces.length,
    search: search && toSearchBody(search),
    hidden_payloads: [...hiddenPayloads],
    notes: [...notes],
    timings: Object.fromEntries(Object.entries({ ...stages, total }).map(([stage, ms]) => [stage, round(ms, 2)])),
  };
}

export function toSearchBody({ looks, skippedLooks, smallestFace }: SearchFacts): NonNullable<DetectionBody['search']> {
  const toBody = ({ detector, longSide, turn, runs }: LooksOfDetector) => ({
    detector,
    size: Math.round(longSide),
    turn,
    runs,
  });
  return {
    smallest_face_px: round(smallestFace, 1),
    looks: looks.map(toBody),
    skipped_looks: skippedLooks.map(toBody),
  };
}

export function toVerificationBody(verification: Verification | null): VerificationBody | null {
  if (verification === null) return null;
  const { outcome, rounds, added } = verification;
  return { outcome, rounds, added_boxes: added.map(roundBox) };
}

function toFaceBody(
  { box, score, landmarks, quality, uncertain, frame }: Face,
  { width, height }: DetectAnswer['image'],
  withLandmarks: boolean,
): DetectionBody['faces'][number] {
  return {
    box: roundBox(box),
    box_normalized: {
      left: round(box.left / width, 4),
      top: round(box.top / height, 4),
      right: round(box.right / width, 4),
      bottom: round(box.bottom / height, 4),
    },
    score: round(score, 4),
    ...(uncertain && { uncertain }),
    ...(frame !== undefined && { frame }),
    ...(withLandmarks && { landmarks: landmarks && toLandmarksBody(landmarks) }),
    ...(quality && { quality: toQualityBody(quality) }),
  };
}

/** Rounds pixels to hundredths; other properties of the box are copied. */
export function roundBox<B extends Box>(box: B): B {
  const { left, top, right, bottom } = box;
  return { ...box, left: round(left, 2), top: round(top, 2), right: round(right, 2), bottom: round(bottom, 2) };
}

function toLandmarksBody([leftEye, rightEye, nose, mouthLeft, mouthRight]: NonNullable<Face['landmarks']>) {
  const point = ({ x, y }: Point) => ({ x: round(x, 2), y: round(y, 2) });
  return {
    left_eye: point(leftEye),
    right_eye: point(rightEye),
    nose: point(nose),
    mouth_left: point(mouthLeft),
    mouth_right: point(mouthRight),
  };
}

function toQualityBody({ pose, sharpness, brightness, cutBy }: FaceQuality): DetectionBody['faces'][number]['quality'] {
  return {
    pose: pose && { roll: round(pose.roll, 1), yaw: round(pose.yaw, 1), pitch: round(pose.pitch, 1) },
    sharpness: round(sharpness, 1),
    brightness: round(brightness, 4),
    cut_by_border: [...cutBy],
  };
}

function round(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  return Math.round(value * factor) / factor;
}

/** Headers with a summary of the response. Server-Timing (W3C) has the timings. */
export function detectionHeaders({
  job_id,
  face_count,
  model,
  notes,
  search,
  timings,
}: Omit<DetectionBody, 'id'>): Record<string, string | number> {
  return {
    ...(job_id !== undefined && { 'x-job-id': job_id }),
    'x-face-count': face_count,
    ...(search && {
      'x-smallest-face-px': search.smallest_face_px,
      'x-skipped-looks': search.skipped_looks.reduce((sum, { runs }) => sum + runs, 0),
    }),
    ...(notes.length > 0 && { 'x-notes': notes.join(', ') }),
    'x-model': model.name,
    'server-timing': Object.entries(timings)
      .map(([stage, ms]) => `${stage};dur=${ms}`)
      .join(', '),
  };
}
