import {
  type ImageDetail,
  type JobDetail,
  type JobItem,
  readImage,
  readJob,
  readJobs,
  readReview,
} from './api/admin.ts';
import type { ReviewItem } from './api/admin.ts';

/** What the page of an image reads, read in advance: it is there when the page is opened. */

const ahead = new Map<string, Promise<unknown>>();
/** The browser keeps what it has loaded for them. */
const pictures: HTMLImageElement[] = [];

/** The newest masking that is done, else the newest detection */
export const firstToShow = (jobs: readonly JobItem[]): JobItem | undefined => {
  const done = jobs.filter(({ status }) => status === 'done');
  return done.find(({ kind }) => kind === 'mask') ?? done[0];
};

const jobsOf = async (id: string, signal?: AbortSignal): Promise<readonly JobItem[]> =>
  (await readJobs({ image_id: id, limit: 100 }, signal)).rows;

/** Replaces what was read in advance before. What cannot be read is read when the page is opened. */
export async function preloadImage(id: string): Promise<void> {
  if (ahead.has(`review ${id}`)) return;
  ahead.clear();
  const read = async <Value>(key: string, value: Promise<Value>): Promise<Value> => {
    ahead.set(key, value);
    return value;
  };
  // The review before the version that is shown: a decision must not be about a newer one than that.
  const review = read(`review ${id}`, readReview(id));
  const image = review.then(() => readImage(id));
  const jobs = jobsOf(id);
  try {
    const [detail, list] = await Promise.all([read(`image ${id}`, image), read(`jobs ${id}`, jobs)]);
    const first = firstToShow(list);
    const job = first && (await read(`job ${first.id}`, readJob(first.id)));
    const urls = [detail.original_url, job?.result_url, detail.thumbnail_url && `${detail.thumbnail_url}?width=640`];
    const found = urls.filter((url) => typeof url === 'string');
    pictures.splice(0, pictures.length, ...found.map((src) => Object.assign(new Image(), { src })));
  } catch {
    // The page reads it again and shows what is wrong.
    ahead.clear();
  }
}

/** What was read in advance is used once: after that, it may be out of date. */
async function take<Value>(key: string, read: () => Promise<Value>): Promise<Value> {
  const value = ahead.get(key) as Promise<Value> | undefined;
  ahead.delete(key);
  return value ? value.catch(read) : read();
}

export const takeReview = (id: string, signal: AbortSignal): Promise<ReviewItem> =>
  take(`review ${id}`, () => readReview(id, signal));
export const takeImage = (id: string, signal: AbortSignal): Promise<ImageDetail> =>
  take(`image ${id}`, () => readImage(id, signal));
export const takeJobs = (id: string, signal: AbortSignal): Promise<readonly JobItem[]> =>
  take(`jobs ${id}`, () => jobsOf(id, signal));
export const takeJob = (id: string, signal: AbortSignal): Promise<JobDetail> =>
  take(`job ${id}`, () => readJob(id, signal));
