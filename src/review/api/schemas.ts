import { z } from 'zod';

/** Beyond this many, one image cannot hold them in any useful way. */
const MAX_MASKS = 5000;
const MAX_TEXT_LENGTH = 2000;

const boxFields = { left: z.number(), top: z.number(), right: z.number(), bottom: z.number() };
const isBox = ({ left, top, right, bottom }: { left: number; top: number; right: number; bottom: number }) =>
  right > left && bottom > top;
const NO_BOX = { error: 'right must be greater than left, and bottom than top' };

const maskFields = {
  ...boxFields,
  shape: z.enum(['ellipse', 'box']).meta({ description: 'The mask is the ellipse in the box, or the whole box' }),
  frame: z.int().min(0).optional().meta({ description: 'Number of the frame or page, from 0; absent: all of them' }),
};

const wantedMaskSchema = z
  .strictObject(maskFields)
  .refine(isBox, NO_BOX)
  .meta({ id: 'WantedMask', description: 'A mask in pixels of the upright image; it is not grown by a padding' });

const masksSchema = z.array(wantedMaskSchema).max(MAX_MASKS);

const visibleFaceSchema = z
  .strictObject({ ...boxFields, reason: z.string().min(1).max(MAX_TEXT_LENGTH) })
  .refine(isBox, NO_BOX)
  .meta({ id: 'VisibleFace', description: 'A face that stays visible, and why' });

export const previewSchema = z.strictObject({ masks: masksSchema }).meta({ id: 'VersionPreview' });
export type PreviewBody = z.infer<typeof previewSchema>;

export const editSchema = z
  .strictObject({
    based_on: z
      .uuid()
      .toLowerCase()
      .meta({ description: '`id` of the version that was changed: the one that is served' }),
    masks: masksSchema.optional().meta({ description: 'All masks of the new version; or else restore' }),
    restore: z.int().min(1).optional().meta({ description: 'Number of the version whose masks the new version gets' }),
    visible: z.array(visibleFaceSchema).max(MAX_MASKS).default([]),
    reason: z.string().min(1).max(MAX_TEXT_LENGTH).meta({ description: 'Why; it is stated in the receipt' }),
    note: z.string().max(MAX_TEXT_LENGTH).optional(),
  })
  .refine(({ masks, restore }) => (masks === undefined) !== (restore === undefined), {
    error: 'send either masks or restore',
  })
  .meta({ id: 'Edit', description: 'The masks of a new version: a list, or those of an earlier version' });
export type EditBody = z.infer<typeof editSchema>;

export const versionSchema = z
  .object({
    id: z.uuid(),
    number: z.int().meta({ description: 'From 1, the result of the service' }),
    state: z
      .enum(['approved', 'pending'])
      .meta({ description: 'pending: it makes a face visible, and waits for a second person' }),
    is_served: z.boolean().meta({ description: 'true: the version at the stable URL of the result' }),
    based_on: z.uuid().nullable(),
    masks: z.array(
      z.object({
        ...maskFields,
        origin: z
          .enum(['detected', 'uncertain', 'added'])
          .meta({ description: 'added: by a region, by verification or by a person' }),
      }),
    ),
    visible: z.array(z.object({ ...boxFields, reason: z.string() })),
    author: z.string().nullable().meta({ description: 'As in the audit log; null: the service' }),
    reason: z.string().nullable(),
    note: z.string().nullable(),
    uncovers: z.boolean().meta({ description: 'true: a pixel is visible that the version before masks' }),
    approved_by: z.string().nullable().meta({ description: 'The second person, if one was needed' }),
    receipt: z.string().nullable(),
    type: z.string(),
    bytes: z.int(),
    sha256: z.string(),
    previous_sha256: z.string().nullable(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'Version' });
export type VersionBody = z.infer<typeof versionSchema>;

export const imageMasksSchema = versionSchema
  .extend({
    image_id: z.uuid(),
    report_url: z.string().nullable().meta({
      description: 'Path of the public page on which a face is reported; null: FACE_API_REPORTS_ENABLED is off',
    }),
  })
  .meta({
    id: 'ImageMasks',
    description: 'A version of the masked image; its masks are in pixels of the upright image',
  });
export type ImageMasksBody = z.infer<typeof imageMasksSchema>;

export const sentImageParamsSchema = z.strictObject({
  id: z.uuid().toLowerCase().meta({ description: 'ID of the image, or of one of its jobs' }),
});
export type SentImageParams = z.infer<typeof sentImageParamsSchema>;

export const versionParamsSchema = z.strictObject({
  id: z.uuid().toLowerCase(),
  number: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, { error: 'must be the number of a version' })
    .transform(Number),
});
export type VersionParams = z.infer<typeof versionParamsSchema>;
