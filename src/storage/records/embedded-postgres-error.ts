/** The embedded PostgreSQL cannot be started. The message is for the operator. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}
