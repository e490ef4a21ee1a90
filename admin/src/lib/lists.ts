import type { ImageItem, JobItem } from './api/admin.ts';
import { PagedList } from './loader.svelte.ts';

/** Kept between pages: whoever comes back from an image or a job finds the list as it was. */
export const imageList = new PagedList<ImageItem>();
export const jobList = new PagedList<JobItem>();
