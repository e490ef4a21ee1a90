import type { ReviewItem, ReviewQuery } from './api/admin.ts';
import { filtersOf } from './filters.ts';
import { plural } from './format.ts';

export type Reason = ReviewItem['reasons'][number]['reason'];

/** In the order of the queue */
export const REASONS: Readonly<Record<Reason, string>> = {
  reported: 'Reported',
  unverified: 'Verification incomplete',
  verification_added: 'Added by verification',
  uncertain_faces: 'Uncertain faces',
  cut_faces: 'Cut by the border',
  small_faces: 'Small faces',
  coarse_search: 'Coarse search',
};

const WORDS: Readonly<Record<Reason, (count: number) => string>> = {
  reported: (count) => plural(count, 'report'),
  unverified: () => 'verification incomplete',
  verification_added: (count) => `${count} added by verification`,
  uncertain_faces: (count) => `${count} uncertain`,
  cut_faces: (count) => `${count} cut by the border`,
  small_faces: (count) => `${count} small`,
  coarse_search: () => 'coarse search',
};

export const wordsOf = ({ reason, count }: ReviewItem['reasons'][number]): string => WORDS[reason](count);

export const toneOf = (reason: Reason): 'danger' | 'warning' | 'neutral' =>
  reason === 'reported' || reason === 'unverified' ? 'danger' : reason === 'coarse_search' ? 'neutral' : 'warning';

export const STATES = { open: 'Open', approved: 'Approved', sent_back: 'Sent back' } as const;

export const REVIEW_FILTERS = ['search', 'state', 'reason', 'claim', 'from', 'to'];

/** The filters of a view of the queue, from its part of the URL */
export const reviewQuery = (search: Pick<URLSearchParams, 'get'>): ReviewQuery =>
  filtersOf(search, REVIEW_FILTERS) as ReviewQuery;

/** `user:anna` → `anna`. With the one password, all sessions have the same name. */
export const nameOf = (actor: string): string =>
  actor === 'console' ? 'Another session' : actor.replace(/^(user|token):/, '');

/** Counts end somewhere: a count with this value may be higher. */
export const atLeast = (count: number, countedUpTo: number, format: (value: number) => string): string =>
  count >= countedUpTo ? `${format(countedUpTo)}+` : format(count);
