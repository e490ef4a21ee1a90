import { z } from 'zod';
import { PAYLOAD_KINDS } from '../vision/container/hidden-payloads.ts';
import { CANVAS_MULTIPLE, LARGEST_INPUT_SIZE } from '../vision/letterbox.ts';
import { FACE_ORDERS } from '../vision/faces.ts';
import { RECALL_LEVELS } from '../vision/looks.ts';
import { SIDES } from '../vision/quality.ts';
import { NOTES } from './worker/messages.ts';

/** The schemas that detection and masking share: each gives the type, the validation and the OpenAPI document. */

export const boxSchema = z
  .object({ left: z.number(), top: z.number(), right: z.number(), bottom: z.number() })
  .meta({ id: 'Box', description: 'In pixels of the upright image; width = right − left' });

const normalizedBoxSchema = z
  .object({ left: z.number(), top: z.number(), right: z.number(), bottom: z.number() })
  .meta({ id: 'NormalizedBox', description: 'The same box as shares of the image’s width and height, 0 to 1' });

const pointSchema = z.object({ x: z.number(), y: z.number() }).meta({ id: 'Point' });

const landmarksSchema = z
  .object({
    left_eye: pointSchema,
    right_eye: pointSchema,
    nose: pointSchema,
    mouth_left: pointSchema,
    mouth_right: pointSchema,
  })
  .meta({ id: 'Landmarks', description: 'In pixels of the upright image; left and right as seen in the image' });

const degrees = (description: string) => z.number().meta({ description: `Degrees; ${description}` });

const qualitySchema = z
  .object({
    pose: z
      .object({
        roll: degrees('clockwise in the image, 0: upright, 180: upside down'),
        yaw: degrees('positive: it looks to the right of the image'),
        pitch: degrees('positive: it looks up'),
      })
      .nullable()
      .meta({ description: 'Estimated from the landmarks; null if the model does not provide them' }),
    sharpness: z.number().meta({
      description: 'Variance of the Laplacian of the brightness, with the face scaled to 112 pixels; larger is sharper',
    }),
    brightness: z.number().meta({ description: 'Mean, 0 (black) to 1 (white)' }),
    cut_by_border: z.array(z.enum(SIDES)).meta({ description: 'Sides of the image that the face reaches' }),
  })
  .meta({ id: 'FaceQuality' });

export const faceSchema = z
  .object({
    box: boxSchema,
    box_normalized: normalizedBoxSchema,
    score: z.number().meta({ description: 'Confidence of the detector, 0 to 1' }),
    landmarks: landmarksSchema.nullable().optional().meta({
      description: 'Absent if not requested; null if the model does not provide them',
    }),
    quality: qualitySchema.optional().meta({ description: 'Absent unless requested by face_quality' }),
    uncertain: z.literal(true).optional().meta({
      description: 'true: masked with a score from review_threshold up to the threshold; absent otherwise',
    }),
    frame: z.number().int().optional().meta({
      description: 'Index of the frame or page, starting at 0; absent for images with a single frame',
    }),
  })
  .meta({ id: 'Face' });

const lookSchema = z.object({
  detector: z.enum(['main', 'second']).meta({
    description: 'main: FACE_API_MODEL; second: FACE_API_SECOND_MODEL, with recall=max',
  }),
  size: z.number().meta({ description: 'Long side of the whole image as the network saw it, in pixels' }),
  turn: z.number().meta({ description: 'By how much the image was turned clockwise, in degrees' }),
  runs: z.number().meta({ description: 'How often the network ran: once for each tile of each frame' }),
});

export const searchSchema = z.object({
  smallest_face_px: z.number().meta({ description: 'Faces whose longer side is shorter may be missed' }),
  looks: z.array(lookSchema),
  skipped_looks: z.array(lookSchema).meta({ description: 'Looks for which latency_budget_ms left no time' }),
});

export const detectionSchema = z
  .object({
    id: z.string().meta({ description: 'Request ID, also in X-Request-Id' }),
    job_id: z
      .uuid()
      .optional()
      .meta({ description: 'ID of the stored job, also in X-Job-Id; absent if none is stored' }),
    model: z.object({ name: z.string(), sha256: z.string() }).meta({ id: 'Model' }),
    image: z
      .object({
        width: z.number().int(),
        height: z.number().int(),
        format: z.string(),
        frames: z.number().int().meta({ description: 'Number of frames or pages. Detection uses the first one' }),
      })
      .meta({ id: 'Image', description: 'The upright image, after its EXIF orientation has been applied' }),
    faces: z.array(faceSchema).meta({ description: 'In the order requested: best first by default' }),
    face_count: z.number().int(),
    search: searchSchema.nullable().meta({ description: 'How the image was searched; null if it was not' }),
    hidden_payloads: z
      .array(
        z.object({
          kind: z.enum(PAYLOAD_KINDS),
          bytes: z.number().int().meta({ description: '0: inside another payload' }),
        }),
      )
      .meta({
        description:
          'Hidden data found in the uploaded file besides the first picture. A masked image contains none of it, except `extra_frames`: frames and pages stay, with their faces masked',
      }),
    notes: z.array(z.enum(NOTES)).meta({
      description:
        'What to know about the picture that was searched and returned. primary_picture_only: the file has further pictures, which are left out; delays_shortened: frames of an animation are shown longer than the output format can state; hdr_converted: the brightness of an HDR picture was brought to what a standard display shows',
    }),
    timings: z
      .record(z.string(), z.number())
      .meta({ description: 'Milliseconds by stage; `queue` is the wait for a worker, `total` the sum' }),
  })
  .meta({ id: 'Detection' });

export type DetectionBody = z.infer<typeof detectionSchema>;

export const verificationSchema = z
  .object({
    outcome: z.enum(['clean', 'incomplete']).meta({
      description: 'clean: the last search found no uncovered face; incomplete: a limit was reached before that',
    }),
    rounds: z.number().int(),
    added_boxes: z.array(boxSchema.extend({ frame: z.number().int().optional() })),
  })
  .meta({ id: 'Verification' });
export type VerificationBody = z.infer<typeof verificationSchema>;

const defaultIs = (variable: string, value: string | number) =>
  `Default: FACE_API_DEFAULT_${variable}, ${value} unless configured`;

/** Options of both endpoints. All are optional. */
export const detectOptionFields = {
  threshold: z
    .number()
    .min(0.01)
    .max(1)
    .optional()
    .meta({
      description: `Minimum score; lower finds more faces and more false alarms. ${defaultIs('THRESHOLD', 0.5)}`,
      examples: [0.5],
    }),
  nms_threshold: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .meta({
      description: `Overlap (intersection over union) above which the box with the lower score is dropped. ${defaultIs('NMS_THRESHOLD', 0.4)}`,
      examples: [0.4],
    }),
  min_face_size: z
    .number()
    .int()
    .min(0)
    .max(10_000)
    .optional()
    .meta({
      description: `Minimum length of the short side of a face, in pixels of the image. ${defaultIs('MIN_FACE_SIZE', 0)}`,
      examples: [0],
    }),
  input_size: z
    .number()
    .int()
    .min(CANVAS_MULTIPLE)
    .max(LARGEST_INPUT_SIZE)
    .multipleOf(CANVAS_MULTIPLE)
    .optional()
    .meta({
      description: `Long side in pixels to which the image is scaled for the detector, a multiple of 32. Larger finds smaller faces and takes longer. At most FACE_API_MAX_INPUT_SIZE, 1920 unless configured. Models with a fixed input size ignore it. ${defaultIs('INPUT_SIZE', 640)}`,
      examples: [640],
    }),
  large_faces: z
    .boolean()
    .optional()
    .meta({
      description: `Run one more detection at a smaller size, for faces that fill much of the image; takes about a tenth longer. ${defaultIs('LARGE_FACES', 'true')}`,
      examples: [true],
    }),
  recall: z
    .enum(RECALL_LEVELS)
    .optional()
    .meta({
      description:
        'How thoroughly to search: more looks at the image, at larger sizes, in tiles and rotated, find smaller and rotated faces and take longer. Default: FACE_API_DETECT_RECALL (standard unless configured) for detection, FACE_API_MASK_RECALL (high) for masking',
      examples: ['standard'],
    }),
  latency_budget_ms: z.number().int().min(1).max(600_000).optional().meta({
    description:
      'Milliseconds in which to search for faces, from when the image has been received, including the wait for a worker. The looks of the recall level are taken in the order of their worth; those that would end later are skipped, except the first. Masking and verification come on top. Default: no limit',
  }),
  landmarks: z
    .boolean()
    .optional()
    .meta({ description: 'Include the five landmarks of each face. Default: true', examples: [true] }),
  face_quality: z
    .boolean()
    .optional()
    .meta({
      description:
        'Include pose, sharpness and brightness of each face, and whether the border cuts it. Default: false',
      examples: [false],
    }),
};

/** What only detection takes: masking leaves out no face. */
export const choiceFields = {
  max_faces: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .meta({ description: 'Maximum number of faces, the first in the order. Default: all' }),
  order: z
    .enum(FACE_ORDERS)
    .optional()
    .meta({
      description: 'score: best faces first; size: largest faces first. Default: score',
      examples: ['score'],
    }),
};

export const detectOptionsSchema = z
  .strictObject({ ...detectOptionFields, ...choiceFields })
  .meta({ id: 'DetectOptions' });
export type DetectOptions = z.infer<typeof detectOptionsSchema>;
