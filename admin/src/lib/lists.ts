import type { ImageItem, JobItem } from './api/admin.ts';
import { PagedList } from './loader.svelte.ts';

/** Lists that outlive their pages: going back from an image or a job shows the list as it was. */
export const imageList = new PagedList<ImageItem>();
export const jobList = new PagedList<JobItem>();
