/** The S3 service will not do it, however often it is asked: there is no such object or bucket, or no right to read or write it. */
export class S3RefusedError extends Error {}
