import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';

/**
 * Selects the rows that a search text identifies: by their ID, by the last characters of it (which lists show), by the ID of the
 * request, or by the SHA-256 of the original or the result. Each condition is looked up in an index.
 */
export function searchJobs<Row extends ObjectLiteral>(query: SelectQueryBuilder<Row>, text: string): void {
  query.andWhere(`(${jobConditions('row', text).join(' OR ')})`, parametersOf(text));
}

/** The same for images: also those of the jobs that the text identifies. */
export function searchImages<Row extends ObjectLiteral>(query: SelectQueryBuilder<Row>, text: string): void {
  const ofJobs = `SELECT job.image_id FROM jobs job WHERE ${jobConditions('job', text).join(' OR ')}`;
  // An array instead of a join: so the planner looks up the few images by their ID.
  const conditions = [`row.id = ANY (ARRAY(${ofJobs}))`, ...idConditions('row', text)];
  if (DIGEST.test(text)) conditions.push('row.sha256 = :digest');
  query.andWhere(`(${conditions.join(' OR ')})`, parametersOf(text));
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const DIGEST = /^[0-9a-f]{64}$/i;
/** Fewer characters would match many IDs. */
const ID_END = /^[0-9a-f-]{4,35}$/i;

function jobConditions(row: string, text: string): string[] {
  const conditions = [`${row}.request_id = :searched`, ...idConditions(row, text)];
  if (UUID.test(text)) conditions.push(`${row}.image_id = :searchedId`);
  if (DIGEST.test(text)) {
    conditions.push(`${row}.result_sha256 = :digest`);
    conditions.push(`${row}.image_id = (SELECT original.id FROM images original WHERE original.sha256 = :digest)`);
  }
  return conditions;
}

function idConditions(row: string, text: string): string[] {
  if (UUID.test(text)) return [`${row}.id = :searchedId`];
  return ID_END.test(text) ? [`reverse(${row}.id::text) LIKE :reversedEnd`] : [];
}

function parametersOf(text: string) {
  const lower = text.toLowerCase();
  return {
    searched: text,
    searchedId: lower,
    digest: lower,
    reversedEnd: `${Array.from(lower).toReversed().join('')}%`,
  };
}
