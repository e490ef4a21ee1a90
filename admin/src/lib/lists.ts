import type { ImageItem, JobItem, ReviewItem } from './api/admin.ts';
import { PagedList } from './loader.svelte.ts';

/** Lists that outlive their pages: going back from an image or a job shows the list as it was. */
export const imageList = new PagedList<ImageItem>();
export const jobList = new PagedList<JobItem>();
export const reviewList = new PagedList<ReviewItem>();
