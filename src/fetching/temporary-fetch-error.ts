import { DomainError } from '../errors/domain-error.ts';

/** The URL could not be fetched now, but may be later: the connection failed, or its server was overloaded. */
export class TemporaryFetchError extends DomainError {
  constructor(detail: string, options: { cause?: unknown } = {}) {
    super('fetch_failed', detail, options);
  }
}
