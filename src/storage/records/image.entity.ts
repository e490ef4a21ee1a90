import { EntitySchema } from 'typeorm';

/** An image that was sent. The same bytes are one image, however often they come. */
export interface ImageRow {
  id: string;
  sha256: string;
  /** As judged by its first bytes; "unknown" where they say nothing. */
  type: string;
  bytes: number;
  /** Of the upright image; null where it could not be decoded. */
  width: number | null;
  height: number | null;
  /** Most faces that any of its jobs found; null: none has looked yet. */
  faceCount: number | null;
  /** Null: the object is lost, and comes back when the same bytes are sent again. */
  objectKey: string | null;
  createdAt: Date;
  lastUsedAt: Date;
}

/** Without decorators, so that the TypeORM CLI loads it as it stands. */
export const imageEntity = new EntitySchema<ImageRow>({
  name: 'Image',
  tableName: 'images',
  columns: {
    id: { type: 'uuid', primary: true, primaryKeyConstraintName: 'images_pkey' },
    sha256: { type: 'text' },
    type: { type: 'text' },
    bytes: { type: 'integer' },
    width: { type: 'integer', nullable: true },
    height: { type: 'integer', nullable: true },
    faceCount: { name: 'face_count', type: 'integer', nullable: true },
    objectKey: { name: 'object_key', type: 'text', nullable: true },
    createdAt: { name: 'created_at', type: 'timestamptz', precision: 3 },
    lastUsedAt: { name: 'last_used_at', type: 'timestamptz', precision: 3 },
  },
  indices: [
    { name: 'images_sha256', columns: ['sha256'], unique: true },
    { name: 'images_created', columns: ['createdAt', 'id'] },
    { name: 'images_last_used', columns: ['lastUsedAt', 'id'] },
    { name: 'images_face_count', columns: ['faceCount', 'createdAt', 'id'] },
    { name: 'images_type', columns: ['type', 'createdAt', 'id'] },
  ],
});
