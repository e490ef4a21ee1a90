import { EntitySchema } from 'typeorm';
import type { JobKind, JobStatus, RecordedFace, RecordedMask, RecordedVerification } from '../job.ts';
import type { ImageRow } from './image.entity.ts';

/** One request with an image: options, outcome, and the key of its result. */
export interface JobRow {
  id: string;
  kind: JobKind;
  status: JobStatus;
  /** Null: the image was lost when a thread crashed. */
  imageId: string | null;
  image?: ImageRow | null;
  options: object;
  /** Null if the job failed */
  faces: RecordedFace[] | null;
  faceCount: number | null;
  maskedCount: number | null;
  /** How many of the faces are uncertain; null: not a masking, failed, or stored before there were any. */
  uncertainCount: number | null;
  /** The options in force; null: not known. */
  settings: object | null;
  /** Null: not requested, or the job failed. */
  verification: RecordedVerification | null;
  /** What came of the requested metadata; null: not requested, or the job failed. */
  metadata: Readonly<Record<string, string>> | null;
  /** Null: not a masking, failed, or stored before there were any. */
  masks: RecordedMask[] | null;
  /** Milliseconds by stage. */
  timings: Record<string, number>;
  durationMs: number;
  modelName: string;
  modelSha256: string;
  errorCode: string | null;
  errorDetail: string | null;
  requestId: string;
  apiKeyName: string | null;
  /** Null: there is no result, or its object is lost. */
  resultKey: string | null;
  resultType: string | null;
  resultBytes: number | null;
  resultSha256: string | null;
  createdAt: Date;
  storedAt: Date;
}

export const jobEntity = new EntitySchema<JobRow>({
  name: 'Job',
  tableName: 'jobs',
  columns: {
    id: { type: 'uuid', primary: true, primaryKeyConstraintName: 'jobs_pkey' },
    kind: { type: 'text' },
    status: { type: 'text' },
    imageId: { name: 'image_id', type: 'uuid', nullable: true },
    options: { type: 'jsonb' },
    faces: { type: 'jsonb', nullable: true },
    faceCount: { name: 'face_count', type: 'integer', nullable: true },
    maskedCount: { name: 'masked_count', type: 'integer', nullable: true },
    uncertainCount: { name: 'uncertain_count', type: 'integer', nullable: true },
    settings: { type: 'jsonb', nullable: true },
    verification: { type: 'jsonb', nullable: true },
    metadata: { type: 'jsonb', nullable: true },
    masks: { type: 'jsonb', nullable: true },
    timings: { type: 'jsonb' },
    durationMs: { name: 'duration_ms', type: 'double precision' },
    modelName: { name: 'model_name', type: 'text' },
    modelSha256: { name: 'model_sha256', type: 'text' },
    errorCode: { name: 'error_code', type: 'text', nullable: true },
    errorDetail: { name: 'error_detail', type: 'text', nullable: true },
    requestId: { name: 'request_id', type: 'text' },
    apiKeyName: { name: 'api_key_name', type: 'text', nullable: true },
    resultKey: { name: 'result_key', type: 'text', nullable: true },
    resultType: { name: 'result_type', type: 'text', nullable: true },
    resultBytes: { name: 'result_bytes', type: 'integer', nullable: true },
    resultSha256: { name: 'result_sha256', type: 'text', nullable: true },
    createdAt: { name: 'created_at', type: 'timestamptz', precision: 3 },
    storedAt: { name: 'stored_at', type: 'timestamptz', precision: 3, default: () => 'now()' },
  },
  relations: {
    image: {
      type: 'many-to-one',
      target: 'Image',
      nullable: true,
      joinColumn: { name: 'image_id', foreignKeyConstraintName: 'jobs_image_id_fkey' },
    },
  },
  checks: [
    { name: 'jobs_kind', expression: `kind = ANY (ARRAY['detect'::text, 'mask'::text])` },
    { name: 'jobs_status', expression: `status = ANY (ARRAY['done'::text, 'failed'::text])` },
  ],
  // Each filter of the listing has its own index in the order of the pages, so that every page is read from an index.
  indices: [
    { name: 'jobs_created', columns: ['createdAt', 'id'] },
    { name: 'jobs_kind_created', columns: ['kind', 'createdAt', 'id'] },
    { name: 'jobs_status_created', columns: ['status', 'createdAt', 'id'] },
    { name: 'jobs_model_created', columns: ['modelName', 'createdAt', 'id'] },
    { name: 'jobs_error_created', columns: ['errorCode', 'createdAt', 'id'], where: 'error_code IS NOT NULL' },
    { name: 'jobs_face_count', columns: ['faceCount', 'createdAt', 'id'] },
    { name: 'jobs_uncertain_created', columns: ['createdAt', 'id'], where: 'uncertain_count > 0' },
    { name: 'jobs_image', columns: ['imageId', 'createdAt', 'id'] },
    { name: 'jobs_request', columns: ['requestId'] },
    { name: 'jobs_duration', columns: ['durationMs', 'id'] },
    { name: 'jobs_kind_duration', columns: ['kind', 'durationMs', 'id'] },
    { name: 'jobs_status_duration', columns: ['status', 'durationMs', 'id'] },
    { name: 'jobs_model_duration', columns: ['modelName', 'durationMs', 'id'] },
    { name: 'jobs_error_duration', columns: ['errorCode', 'durationMs', 'id'], where: 'error_code IS NOT NULL' },
    { name: 'jobs_result_sha256', columns: ['resultSha256'], where: 'result_sha256 IS NOT NULL' },
    // On an expression, which an entity cannot state: see the migration.
    { name: 'jobs_id_end', synchronize: false },
  ],
});
