import { ADMIN_API_PATH } from '../../http/route.ts';
import type { AuditRow } from '../../storage/records/audit.entity.ts';
import type { ImageRow } from '../../storage/records/image.entity.ts';
import type { ListedJob } from '../../storage/records/listing.ts';
import type { AuditItem, ImageItem, JobItem } from './schemas.ts';

/** Rows as responses of the API of the console */

export function toImageItem(row: ImageRow): ImageItem {
  return {
    id: row.id,
    sha256: row.sha256,
    type: row.type,
    bytes: row.bytes,
    width: row.width,
    height: row.height,
    face_count: row.faceCount,
    created_at: row.createdAt.toISOString(),
    last_used_at: row.lastUsedAt.toISOString(),
    stored: row.objectKey !== null,
    // An image that could not be decoded has no size and no preview.
    thumbnail_url: row.objectKey === null || row.width === null ? null : `${ADMIN_API_PATH}images/${row.id}/thumbnail`,
  };
}

export function toJobItem(row: ListedJob): JobItem {
  return {
    id: row.id,
    kind: row.kind,
    status: row.status,
    image_id: row.imageId,
    face_count: row.faceCount,
    masked_count: row.maskedCount,
    uncertain_count: row.uncertainCount,
    duration_ms: row.durationMs,
    model_name: row.modelName,
    error_code: row.errorCode,
    error_detail: row.errorDetail,
    request_id: row.requestId,
    api_key_name: row.apiKeyName,
    result_type: row.resultType,
    result_bytes: row.resultBytes,
    created_at: row.createdAt.toISOString(),
    stored_at: row.storedAt.toISOString(),
  };
}

export function toAuditItem({ id, action, actor, subject, counts, place, createdAt }: AuditRow): AuditItem {
  return { id, action, actor, subject, counts, place, created_at: createdAt.toISOString() };
}
