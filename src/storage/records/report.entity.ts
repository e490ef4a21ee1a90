import { EntitySchema } from 'typeorm';

/** What somebody without an account reported on a masked image. Nothing says who it was. */
export interface ReportRow {
  id: string;
  imageId: string;
  /** The version that was served */
  versionNumber: number;
  /** In pixels of the upright image; null: no place was named. */
  x: number | null;
  y: number | null;
  message: string;
  createdAt: Date;
}

export const reportEntity = new EntitySchema<ReportRow>({
  name: 'Report',
  tableName: 'reports',
  columns: {
    id: { type: 'uuid', primary: true, primaryKeyConstraintName: 'reports_pkey' },
    imageId: { name: 'image_id', type: 'uuid' },
    versionNumber: { name: 'version_number', type: 'integer' },
    x: { type: 'double precision', nullable: true },
    y: { type: 'double precision', nullable: true },
    message: { type: 'text' },
    createdAt: { name: 'created_at', type: 'timestamptz', precision: 3 },
  },
  foreignKeys: [
    {
      name: 'reports_image_id_fkey',
      target: 'Image',
      columnNames: ['imageId'],
      referencedColumnNames: ['id'],
      onDelete: 'CASCADE',
    },
  ],
  indices: [{ name: 'reports_image', columns: ['imageId', 'createdAt', 'id'] }],
});
