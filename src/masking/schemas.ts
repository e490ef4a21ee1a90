import { z } from 'zod';
import { detectionSchema, detectOptionFields, verificationSchema } from '../inference/schemas.ts';
import { EFFORTS, OUTPUT_FORMATS } from '../inference/worker/messages.ts';
import { METADATA_GROUPS, METADATA_OUTCOMES, type MetadataGroup } from '../vision/metadata/metadata.ts';
import { IRREVERSIBLE_METHODS, isReversible, REVERSIBLE_METHODS } from '../vision/paint.ts';

/** Beyond this many, one image cannot hold them in any useful way. */
const MAX_REGIONS = 1000;

const regionSchema = z
  .strictObject({
    left: z.number(),
    top: z.number(),
    right: z.number(),
    bottom: z.number(),
    keep: z
      .boolean()
      .optional()
      .meta({ description: 'true: faces whose center is in this box stay visible. Default: false' }),
    shape: z
      .enum(['ellipse', 'box'])
      .optional()
      .meta({ description: 'Shape of the mask, within the box. Default: box' }),
    frame: z.int().min(0).optional().meta({ description: 'Number of the frame or page, from 0. Default: all of them' }),
  })
  .refine(({ left, right, top, bottom }) => right > left && bottom > top, {
    error: 'right must be greater than left, and bottom than top',
  })
  .meta({ id: 'Region', description: 'A box in pixels of the upright image, masked in addition to the faces' });

export const maskOptionsSchema = z
  .strictObject({
    ...detectOptionFields,
    recall: detectOptionFields.recall.meta({ ...detectOptionFields.recall.meta(), examples: ['high'] }),
    detect: z
      .boolean()
      .optional()
      .meta({
        description:
          'false: do not search for faces; mask only the `regions`. Cannot be combined with verify. Default: true',
        examples: [true],
      }),
    review_threshold: z
      .number()
      .min(0.01)
      .max(1)
      .optional()
      .meta({
        description:
          'Also mask faces with a score from this value up to the threshold, and mark them as `uncertain`, so that a person can review them. At most the threshold. Default: FACE_API_DEFAULT_REVIEW_THRESHOLD, or the threshold if the request has one',
        examples: [0.3],
      }),
    method: z
      .enum([...IRREVERSIBLE_METHODS, ...REVERSIBLE_METHODS])
      .optional()
      .meta({
        description:
          'blur: a soft fill; pixelate: a mosaic of that fill; solid: one color. None of these uses any pixel under the mask. gaussian and mosaic blur and pixelate the face itself: they can be partly reversed, and require allow_reversible. Default: FACE_API_DEFAULT_METHOD, blur unless configured',
        examples: ['blur'],
      }),
    allow_reversible: z
      .boolean()
      .optional()
      .meta({ description: 'true: allow the methods gaussian and mosaic. Default: false', examples: [false] }),
    color: z
      .string()
      .regex(/^#?[0-9a-f]{6}$/i, { error: 'must be a color such as #000000 (in a URL: %23000000 or 000000)' })
      .optional()
      .meta({
        description: 'Color of the method solid. Default: FACE_API_DEFAULT_COLOR, #000000 unless configured',
        examples: ['#000000'],
      }),
    shape: z
      .enum(['ellipse', 'box'])
      .optional()
      .meta({
        description: 'Shape of the masks. Default: FACE_API_DEFAULT_SHAPE, ellipse unless configured',
        examples: ['ellipse'],
      }),
    padding: z
      .number()
      .min(0)
      .max(2)
      .optional()
      .meta({
        description:
          'How far the mask extends beyond the face on each side, as a fraction of its width and height. Default: FACE_API_DEFAULT_PADDING, 0.25 unless configured',
        examples: [0.25],
      }),
    margin: z
      .number()
      .min(0)
      .max(2)
      .optional()
      .meta({
        description:
          'How much further the mask extends on each side, as a fraction of smallest_face_px in the response: the boxes of small faces are less exact than this. Default: FACE_API_DEFAULT_MARGIN, 0.5 unless configured',
        examples: [0.5],
      }),
    strength: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .meta({
        description:
          'Smoothness of the blur, coarseness of the mosaic: 0 to 1. Default: FACE_API_DEFAULT_STRENGTH, 0.5 unless configured',
        examples: [0.5],
      }),
    mark: z
      .boolean()
      .optional()
      .meta({
        description:
          'Draw a fine outline, white and black, inside the edge of each mask, so that it can be seen that something was removed. Default: FACE_API_DEFAULT_MARK, false unless configured',
        examples: [false],
      }),
    format: z.enum(OUTPUT_FORMATS).optional().meta({
      description:
        'Output format. Default: the format of the image, and jpeg for HEIC. For animations and multi-page images: webp, gif, tiff',
    }),
    quality: z
      .number()
      .int()
      .min(1)
      .max(100)
      .optional()
      .meta({
        description:
          'Quality of JPEG, WebP (100: lossless) and AVIF. Default: FACE_API_DEFAULT_QUALITY, 90 unless configured',
        examples: [90],
      }),
    effort: z
      .enum(EFFORTS)
      .optional()
      .meta({
        description:
          'Encoding effort. fast: short encoding time; small: smaller file, two to five times the encoding time. Default: FACE_API_DEFAULT_EFFORT, fast unless configured',
        examples: ['fast'],
      }),
    verify: z
      .boolean()
      .optional()
      .meta({
        description:
          'Search again with a lower minimum score, also in the masked image and at another size, and mask the faces that are not covered yet. Cannot be combined with detect=false. Default: FACE_API_DEFAULT_VERIFY, false unless configured',
        examples: [false],
      }),
    metadata: z
      .array(z.enum(['none', ...METADATA_GROUPS]))
      .refine((names) => !names.includes('none') || names.length === 1, {
        error: 'must be none, or a list without none',
      })
      .optional()
      .meta({
        description:
          'What of the metadata of the image to write anew into the masked image, as a list. time: when it was taken; place: GPS position; credit: creators, rights and credit line; camera: camera, lens and exposure, without serial numbers; panorama: GPano. Everything else is left out. FACE_API_METADATA_ALLOW limits the choice. Default: none',
        examples: [['none']],
      }),
    receipt: z
      .boolean()
      .optional()
      .meta({
        description:
          'Return a signed receipt that states what was masked. Default: FACE_API_DEFAULT_RECEIPT, false unless configured',
        examples: [false],
      }),
    regions: z
      .array(regionSchema)
      .max(MAX_REGIONS)
      .optional()
      .meta({
        description: 'Boxes to mask in addition, or to keep; in a form, as JSON: one list, or one field for each box',
        examples: [[]],
      }),
  })
  .superRefine(({ method, allow_reversible, verify, detect }, context) => {
    if (method !== undefined && isReversible(method) && allow_reversible !== true) {
      context.addIssue({
        code: 'custom',
        path: ['method'],
        message: `${method} can be undone to a large part. Use blur, pixelate or solid, or accept that with allow_reversible=true`,
      });
    }
    if (verify === true && detect === false) {
      context.addIssue({
        code: 'custom',
        path: ['verify'],
        message:
          'verify=true cannot be combined with detect=false, which turns the face search off. Remove one of them; without detect=false, faces are masked in addition to the regions',
      });
    }
  })
  .meta({ id: 'MaskOptions' });

export type MaskRequestOptions = z.infer<typeof maskOptionsSchema>;

/** Options of a request with one image. */
export const singleMaskOptionsSchema = maskOptionsSchema
  .safeExtend({
    keep_faces: z
      .array(z.int().min(0))
      .min(1)
      .max(MAX_REGIONS)
      .optional()
      .meta({
        description:
          'Faces that stay visible: their indexes in `faces` of an earlier detection of the same image, from 0. All others are masked, also those that the detection did not find. Of an image with several frames, only the first one. Needs keep_faces_of. Default: none',
        examples: [[]],
      }),
    keep_faces_of: z.uuid().toLowerCase().optional().meta({
      description:
        'ID of the stored job of this detection (`job_id`, `X-Job-Id`), sent with the same API key. Needs keep_faces, and storage. Default: no job',
    }),
  })
  .superRefine(({ keep_faces, keep_faces_of }, context) => {
    const keepsSome = keep_faces !== undefined && keep_faces.length > 0;
    if (keepsSome === (keep_faces_of !== undefined)) return;
    const [given, missing] = keepsSome ? ['keep_faces', 'keep_faces_of'] : ['keep_faces_of', 'keep_faces'];
    context.addIssue({ code: 'custom', path: [given], message: `needs ${missing} too` });
  })
  .meta({ id: 'SingleMaskOptions' });

export type SingleMaskOptions = z.infer<typeof singleMaskOptionsSchema>;

const outcomeSchema = z.enum(METADATA_OUTCOMES).optional();

export const metadataOutcomesSchema = z
  .object({
    time: outcomeSchema,
    place: outcomeSchema,
    credit: outcomeSchema,
    camera: outcomeSchema,
    panorama: outcomeSchema,
  } satisfies Record<MetadataGroup, typeof outcomeSchema>)
  .meta({
    id: 'MetadataOutcomes',
    description:
      'What came of the requested metadata. carried: all values are in the masked image; partly_carried: some were left out, because they are damaged or not permitted; rejected: all were, for the same reason; missing: the image has none; unsupported: the output format has no place for them',
  });

export const maskedSchema = detectionSchema
  .extend({
    masked_count: z.number().int().meta({ description: 'Number of faces and regions masked' }),
    uncertain_count: z
      .number()
      .int()
      .meta({ description: 'How many of the faces have a score below the threshold; see review_threshold' }),
    assurance: z.enum(['irreversible', 'reversible']).meta({
      description: 'irreversible: the output contains nothing of the pixels under the masks',
    }),
    receipt: z.string().nullable().meta({
      description: 'Signed receipt (compact JWS), can be verified at /api/v1/receipts/verify; null if not requested',
    }),
    verification: verificationSchema.nullable().meta({ description: 'null if not requested' }),
    metadata: metadataOutcomesSchema.nullable().meta({ description: 'null if not requested' }),
    output: z.object({
      format: z.enum(OUTPUT_FORMATS),
      bytes: z.number().int(),
      image: z.string().meta({ description: 'The masked image as base64', format: 'byte' }),
    }),
  })
  .meta({ id: 'Masked' });

export type MaskedBody = z.infer<typeof maskedSchema>;
