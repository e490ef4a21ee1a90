/** For how many hours the answer to a request with an Idempotency-Key is remembered */
export const IDEMPOTENCY_HOURS = 24;
