import { EntitySchema } from 'typeorm';

/** An uploaded image. The same bytes are one image, however often they are uploaded. */
export interface ImageRow {
  id: string;
  sha256: string;
  /** Detected from its first bytes, or "unknown". */
  type: string;
  bytes: number;
  /** Of the upright image; null if it could not be decoded. */
  width: number | null;
  height: number | null;
  /** Maximum number of faces that one of its jobs found; null: no job has detected faces. */
  faceCount: number | null;
  /** Null: the object is lost; it is stored again when the same bytes are uploaded. */
  objectKey: string | null;
  createdAt: Date;
  lastUsedAt: Date;
}

/** Without decorators, so that the TypeORM CLI loads it without a build. */
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
    // On an expression, which an entity cannot state: see the migration.
    { name: 'images_id_end', synchronize: false },
  ],
});
