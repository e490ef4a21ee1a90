import { z } from 'zod';
import { boxSchema, detectionSchema, detectOptionFields } from '../inference/schemas.ts';
import { EFFORTS, OUTPUT_FORMATS } from '../inference/worker/messages.ts';
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
      .meta({ description: 'true: faces whose centre lies in this box stay visible. Default: false' }),
  })
  .refine(({ left, right, top, bottom }) => right > left && bottom > top, {
    error: 'right must be greater than left, and bottom than top',
  })
  .meta({ id: 'Region', description: 'A box in pixels of the upright image, masked in addition to the faces' });

export const maskOptionsSchema = z
  .strictObject({
    ...detectOptionFields,
    detect: z
      .boolean()
      .optional()
      .meta({ description: 'false: look for no faces, mask the `regions` alone and verify nothing. Default: true' }),
    method: z
      .enum([...IRREVERSIBLE_METHODS, ...REVERSIBLE_METHODS])
      .optional()
      .meta({
        description:
          'blur: a soft fill; pixelate: a mosaic of that fill; solid: one colour. None of these uses a pixel of what it hides. gaussian and mosaic are the usual blur and mosaic of the face itself: much of them can be undone, and they need allow_reversible. Default: FACE_API_DEFAULT_METHOD, blur unless configured',
      }),
    allow_reversible: z
      .boolean()
      .optional()
      .meta({ description: 'true: the methods gaussian and mosaic may be used. Default: false' }),
    color: z
      .string()
      .regex(/^#?[0-9a-f]{6}$/i, { error: 'a colour such as #000000 (in an address: %23000000 or 000000)' })
      .optional()
      .meta({ description: 'Colour of the method solid. Default: FACE_API_DEFAULT_COLOR, #000000 unless configured' }),
    shape: z
      .enum(['ellipse', 'box'])
      .optional()
      .meta({ description: 'Default: FACE_API_DEFAULT_SHAPE, ellipse unless configured' }),
    padding: z.number().min(0).max(2).optional().meta({
      description:
        'Grows the mask on each side by this share of the face’s width and height. Default: FACE_API_DEFAULT_PADDING, 0.25 unless configured',
    }),
    strength: z.number().min(0).max(1).optional().meta({
      description:
        'How smooth the blur, how coarse the mosaic: 0 to 1. Default: FACE_API_DEFAULT_STRENGTH, 0.5 unless configured',
    }),
    format: z
      .enum(OUTPUT_FORMATS)
      .optional()
      .meta({ description: 'Format of the answer. Default: that of the image. Animations and pages: webp, gif, tiff' }),
    quality: z.number().int().min(1).max(100).optional().meta({
      description: 'Of JPEG, WebP (100: lossless) and AVIF. Default: FACE_API_DEFAULT_QUALITY, 90 unless configured',
    }),
    effort: z.enum(EFFORTS).optional().meta({
      description:
        'fast: encoded in little time; small: a smaller file, for some times as much of it. Default: FACE_API_DEFAULT_EFFORT, fast unless configured',
    }),
    verify: z.boolean().optional().meta({
      description:
        'Search for faces at a lower threshold, in the masked image once more and at another size, and mask what the masks do not cover. Not together with detect=false. Default: FACE_API_DEFAULT_VERIFY, false unless configured',
    }),
    receipt: z.boolean().optional().meta({
      description:
        'Answer with a signed statement of what was done. Default: FACE_API_DEFAULT_RECEIPT, false unless configured',
    }),
    regions: z
      .array(regionSchema)
      .max(MAX_REGIONS)
      .optional()
      .meta({ description: 'Boxes to mask in addition, or to keep; as a JSON list where it is a form field' }),
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
          'verify=true looks for faces, which detect=false forbids. Leave one of them out: without detect=false, what is found is masked beside the regions',
      });
    }
  })
  .meta({ id: 'MaskOptions' });

export type MaskRequestOptions = z.infer<typeof maskOptionsSchema>;

const verificationSchema = z
  .object({
    outcome: z.enum(['clean', 'incomplete']).meta({
      description:
        'clean: the last search found no face that the masks do not cover; incomplete: a bound ended it before',
    }),
    rounds: z.number().int(),
    added_boxes: z.array(boxSchema.extend({ frame: z.number().int().optional() })),
  })
  .meta({ id: 'Verification' });

export const maskedSchema = detectionSchema
  .extend({
    masked_count: z.number().int().meta({ description: 'Faces and regions that were masked' }),
    assurance: z.enum(['irreversible', 'reversible']).meta({
      description: 'irreversible: nothing of what is under the masks is left in the image',
    }),
    receipt: z.string().nullable().meta({
      description:
        'A signed statement (compact JWS), to be checked at /api/v1/receipts/verify; null where it was not asked for',
    }),
    verification: verificationSchema.nullable().meta({ description: 'null where it was not asked for' }),
    output: z.object({
      format: z.enum(OUTPUT_FORMATS),
      bytes: z.number().int(),
      image: z.string().meta({ description: 'The masked image as base64', format: 'byte' }),
    }),
  })
  .meta({ id: 'Masked' });

export type MaskedBody = z.infer<typeof maskedSchema>;
