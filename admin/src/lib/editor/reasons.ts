import type { Change } from './mask-items.ts';

/** What people choose for OTHER is typed. */
export const OTHER = 'other';

export type Choice = readonly { readonly value: string; readonly label: string }[];

const CHOOSE = { value: '', label: 'Choose a reason' };
const choice = (...texts: readonly string[]): Choice => [
  CHOOSE,
  ...texts.map((text) => ({ value: text, label: `${text[0]!.toUpperCase()}${text.slice(1)}` })),
  { value: OTHER, label: 'Other…' },
];

/** Why a version is made */
export const VERSION_REASONS = choice('missed face', 'no face', 'has agreed', 'mask did not fit', 'masked by mistake');
/** Why a face stays visible */
export const VISIBLE_REASONS = choice('has agreed', 'no face', 'public figure', 'cannot be recognized');

/** What these changes are most likely made for; empty: the operator has to say it */
export function likelyReason(changes: readonly Change[]): string {
  const has = (...kinds: readonly Change['kind'][]) => changes.some(({ kind }) => kinds.includes(kind));
  if (has('shown')) return '';
  if (has('added', 'hidden')) return 'missed face';
  return has('removed') ? 'no face' : 'mask did not fit';
}
