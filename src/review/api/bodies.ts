import type { VersionRow } from '../../storage/records/version.entity.ts';
import type { Edit } from '../versions.ts';
import type { EditBody, VersionBody } from './schemas.ts';

export function toVersionBody(row: VersionRow, isServed: boolean): VersionBody {
  return {
    id: row.id,
    number: row.number,
    state: row.state,
    is_served: isServed,
    based_on: row.basedOn,
    masks: row.masks,
    visible: row.visible,
    author: row.author,
    reason: row.reason,
    note: row.note,
    uncovers: row.uncovers,
    approved_by: row.approvedBy,
    receipt: row.receipt,
    type: row.type,
    bytes: row.bytes,
    sha256: row.sha256,
    previous_sha256: row.previousSha256,
    created_at: row.createdAt.toISOString(),
  };
}

export function toEdit(body: EditBody): Edit {
  const { based_on: basedOn, visible, reason, note = null } = body;
  // The schema takes exactly one of them.
  return { basedOn, visible, reason, note, masks: body.masks ?? body.restore! };
}
