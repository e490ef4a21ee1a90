import createClient, { type Middleware } from 'openapi-fetch';
import { isIdle } from '../activity.ts';
import { session } from '../session.svelte.ts';
import { readJson, toProblem } from './problem.ts';
import type { components, operations, paths } from './schema.d.ts';
import { upload } from './upload.ts';

/**
 * The API of the console: one function per operation, typed by the OpenAPI document
 * (`schema.d.ts` is generated from openapi.json). Each throws a Problem.
 */

type Schemas = components['schemas'];
type QueryOf<Operation extends keyof operations> = NonNullable<operations[Operation]['parameters']['query']>;

export type AuditItem = Schemas['AuditItem'];
export type AuditPage = Schemas['AuditPage'];
export type AdminVersion = Schemas['AdminVersion'];
export type Batch = Schemas['AdminBatch'];
export type BatchDetail = Schemas['AdminBatchDetail'];
export type BatchPage = Schemas['AdminBatchPage'];
export type Bucket = Schemas['Bucket'];
export type Detection = Schemas['Detection'];
export type Edit = Schemas['Edit'];
export type Erasure = Schemas['Erasure'];
export type Face = Schemas['Face'];
export type ImageDetail = Schemas['ImageDetail'];
export type ImageItem = Schemas['ImageItem'];
export type ImagePage = Schemas['ImagePage'];
export type ImagesQuery = QueryOf<'adminImages'>;
export type Report = Schemas['Reports']['reports'][number];
export type JobDetail = Schemas['JobDetail'];
export type JobItem = Schemas['JobItem'];
export type JobPage = Schemas['JobPage'];
export type JobsQuery = QueryOf<'adminJobs'>;
export type PlaygroundDetectOptions = Schemas['PlaygroundDetectOptions'];
export type PlaygroundMaskOptions = Schemas['PlaygroundMaskOptions'];
export type Reconciliation = Schemas['Reconciliation'];
export type Rerun = Schemas['Rerun'];
export type RerunAnswer = Schemas['RerunAnswer'];
export type Decision = Schemas['ReviewDecision']['decision'];
export type DecisionResults = Schemas['ReviewDecisionResults'];
export type ReviewClaim = Schemas['ReviewClaim'];
export type ReviewCounts = Schemas['ReviewCounts'];
export type ReviewFigures = Schemas['ReviewFigures'];
export type ReviewItem = Schemas['ReviewItem'];
export type ReviewPage = Schemas['ReviewPage'];
export type ReviewQuery = QueryOf<'adminReview'>;
export type Session = Schemas['Session'];
export type Statistics = Schemas['Statistics'];
export type LoginFields = Schemas['LoginForm'];
export type System = Schemas['System'];
export type WebhookDelivery = Schemas['WebhookDelivery'];

/** A request that finds no session is sent again after the login: it was rejected before anything was done. */
async function fetchInSession(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await fetch(request);
  if (response.status !== 401) return response;
  await session.renewal();
  return fetchInSession(again);
}

const failures: Middleware = {
  async onResponse({ response }) {
    if (!response.ok) throw toProblem(response, await readJson(response));
    return undefined;
  },
};

const idleness: Middleware = {
  onRequest({ request }) {
    if (isIdle()) request.headers.set('x-idle', 'true');
  },
};

const client = createClient<paths>({ fetch: fetchInSession });
client.use(failures, idleness);

/** Errors have been thrown before: only data remains. */
async function dataOf<Data>(call: Promise<{ data?: Data; response: Response }>): Promise<Data> {
  const { data } = await call;
  return data!;
}

export const readSession = (signal?: AbortSignal): Promise<Session> =>
  dataOf(client.GET('/api/v1/admin/session', { signal }));

/** Without a session there is nothing to end. */
export async function signOut(): Promise<void> {
  const response = await fetch('/api/v1/admin/session', { method: 'DELETE' });
  if (!response.ok && response.status !== 401) throw toProblem(response, await readJson(response));
}

export const readStatistics = (query: QueryOf<'adminStatistics'>, signal?: AbortSignal): Promise<Statistics> =>
  dataOf(client.GET('/api/v1/admin/statistics', { params: { query }, signal }));

export const readImages = (query: ImagesQuery, signal?: AbortSignal): Promise<ImagePage> =>
  dataOf(client.GET('/api/v1/admin/images', { params: { query }, signal }));

export const readImage = (id: string, signal?: AbortSignal): Promise<ImageDetail> =>
  dataOf(client.GET('/api/v1/admin/images/{id}', { params: { path: { id } }, signal }));

/** What people without an account reported, newest first */
export const readReports = async (id: string, signal?: AbortSignal): Promise<readonly Report[]> =>
  (await dataOf(client.GET('/api/v1/admin/images/{id}/reports', { params: { path: { id } }, signal }))).reports;

/** @param dryRun only report what would be erased */
export const eraseImage = (id: string, dryRun: boolean): Promise<Erasure> =>
  dataOf(client.DELETE('/api/v1/admin/images/{id}', { params: { path: { id }, query: { dry_run: dryRun } } }));

export const rerun = (id: string, body: Rerun): Promise<RerunAnswer> =>
  dataOf(client.POST('/api/v1/admin/images/{id}/jobs', { params: { path: { id } }, body }));

/** Newest first */
export async function readVersions(id: string, signal?: AbortSignal): Promise<readonly AdminVersion[]> {
  const { versions } = await dataOf(
    client.GET('/api/v1/admin/images/{id}/versions', { params: { path: { id } }, signal }),
  );
  return versions;
}

export const makeVersion = (id: string, body: Edit): Promise<AdminVersion> =>
  dataOf(client.POST('/api/v1/admin/images/{id}/versions', { params: { path: { id } }, body }));

/** The image that a version with these masks would have. */
export async function previewVersion(
  id: string,
  masks: readonly Schemas['WantedMask'][],
  signal?: AbortSignal,
): Promise<Blob> {
  const { data } = await client.POST('/api/v1/admin/images/{id}/versions/preview', {
    params: { path: { id } },
    body: { masks: [...masks] },
    parseAs: 'blob',
    signal,
  });
  return data as unknown as Blob;
}

export const approveVersion = (id: string, number: number): Promise<AdminVersion> =>
  dataOf(
    client.POST('/api/v1/admin/images/{id}/versions/{number}/approval', {
      params: { path: { id, number: String(number) } },
    }),
  );

export const readJobs = (query: JobsQuery, signal?: AbortSignal): Promise<JobPage> =>
  dataOf(client.GET('/api/v1/admin/jobs', { params: { query }, signal }));

export const readJob = (id: string, signal?: AbortSignal): Promise<JobDetail> =>
  dataOf(client.GET('/api/v1/admin/jobs/{id}', { params: { path: { id } }, signal }));

export const readReviews = (query: ReviewQuery, signal?: AbortSignal): Promise<ReviewPage> =>
  dataOf(client.GET('/api/v1/admin/review', { params: { query }, signal }));

export const readReview = (id: string, signal?: AbortSignal): Promise<ReviewItem> =>
  dataOf(client.GET('/api/v1/admin/images/{id}/review', { params: { path: { id } }, signal }));

/** @param since start of the day */
export const readReviewCounts = (since: Date, signal?: AbortSignal): Promise<ReviewCounts> =>
  dataOf(client.GET('/api/v1/admin/review/counts', { params: { query: { since: since.toISOString() } }, signal }));

export const readReviewFigures = (signal?: AbortSignal): Promise<ReviewFigures> =>
  dataOf(client.GET('/api/v1/admin/review/figures', { signal }));

export const claimImage = (id: string, takeOver: boolean): Promise<ReviewClaim> =>
  dataOf(client.PUT('/api/v1/admin/images/{id}/claim', { params: { path: { id } }, body: { take_over: takeOver } }));

/** Also while the page is closed */
export async function releaseImage(id: string): Promise<void> {
  await client.DELETE('/api/v1/admin/images/{id}/claim', { params: { path: { id } }, keepalive: true });
}

export const decide = (id: string, body: Schemas['ReviewDecision']): Promise<ReviewItem> =>
  dataOf(client.POST('/api/v1/admin/images/{id}/decision', { params: { path: { id } }, body }));

export const decideSeveral = (body: Schemas['ReviewDecisions']): Promise<DecisionResults> =>
  dataOf(client.POST('/api/v1/admin/review/decisions', { body }));

export const jobsCsvUrl = (filters: Readonly<Record<string, string>>): string => {
  const query = new URLSearchParams(filters);
  return `/api/v1/admin/jobs.csv${query.size > 0 ? `?${query.toString()}` : ''}`;
};

export const readBatches = (query: QueryOf<'adminBatches'>, signal?: AbortSignal): Promise<BatchPage> =>
  dataOf(client.GET('/api/v1/admin/batches', { params: { query }, signal }));

export const readBatch = (id: string, signal?: AbortSignal): Promise<BatchDetail> =>
  dataOf(client.GET('/api/v1/admin/batches/{id}', { params: { path: { id } }, signal }));

/** @param form the fields and files of the batch */
export async function createBatch(
  form: FormData,
  idempotencyKey: string,
  signal: AbortSignal,
  onprogress: (sentBytes: number, totalBytes: number) => void,
): Promise<Batch> {
  // The session is renewed before the upload, if it has ended, so that no upload is rejected half-way.
  await readSession(signal);
  const headers = { 'idempotency-key': idempotencyKey };
  return (await upload('/api/v1/admin/batches', form, headers, signal, onprogress)) as Batch;
}

export const cancelBatch = (id: string): Promise<Batch> =>
  dataOf(client.DELETE('/api/v1/admin/batches/{id}', { params: { path: { id } } }));

export const retryBatch = (id: string): Promise<Batch> =>
  dataOf(client.POST('/api/v1/admin/batches/{id}/retry', { params: { path: { id } } }));

export async function redeliverWebhook(id: string, webhook: string): Promise<void> {
  await client.POST('/api/v1/admin/batches/{id}/webhooks/{webhook}/redelivery', { params: { path: { id, webhook } } });
}

/** @param dryRun only report what would be repaired */
export const reconcile = (dryRun: boolean): Promise<Reconciliation> =>
  dataOf(client.POST('/api/v1/admin/reconciliation', { body: { dry_run: dryRun } }));

export const readAudit = (query: QueryOf<'adminAudit'>, signal?: AbortSignal): Promise<AuditPage> =>
  dataOf(client.GET('/api/v1/admin/audit', { params: { query }, signal }));

export const readSystem = (signal?: AbortSignal): Promise<System> =>
  dataOf(client.GET('/api/v1/admin/system', { signal }));

/** A photo with its options, as a form sends them. */
function asForm(file: File, options: Readonly<Record<string, unknown>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(options)) {
    form.append(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  form.append('file', file, file.name);
  return form;
}

export const detectInPlayground = (
  file: File,
  options: PlaygroundDetectOptions,
  signal?: AbortSignal,
): Promise<Detection> =>
  dataOf(
    client.POST('/api/v1/admin/playground/detect', {
      body: { file: '', ...options },
      bodySerializer: () => asForm(file, options),
      signal,
    }),
  );

export interface MaskedPhoto {
  readonly blob: Blob;
  readonly requestId: string;
  readonly maskedCount: number;
  readonly uncertainCount: number;
  /** Such as `irreversible`. */
  readonly assurance: string;
}

export async function maskInPlayground(
  file: File,
  options: PlaygroundMaskOptions,
  signal?: AbortSignal,
): Promise<MaskedPhoto> {
  const { data, response } = await client.POST('/api/v1/admin/playground/mask', {
    body: { file: '', ...options },
    bodySerializer: () => asForm(file, options),
    headers: { accept: 'image/*' },
    parseAs: 'blob',
    signal,
  });
  return {
    blob: data as Blob,
    requestId: response.headers.get('x-request-id') ?? '',
    maskedCount: Number(response.headers.get('x-masked-count')),
    uncertainCount: Number(response.headers.get('x-uncertain-count')),
    assurance: response.headers.get('x-mask-assurance') ?? '',
  };
}

/** The image in a format that every browser can show. */
export async function previewInPlayground(image: Blob, signal?: AbortSignal): Promise<Blob> {
  const { data } = await client.POST('/api/v1/admin/playground/preview', {
    body: { file: '' },
    bodySerializer: () => asForm(new File([image], 'image'), {}),
    parseAs: 'blob',
    signal,
  });
  return data as unknown as Blob;
}
