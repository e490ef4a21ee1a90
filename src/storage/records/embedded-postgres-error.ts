/** The service's own PostgreSQL cannot be started; the message is written for the operator. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}
