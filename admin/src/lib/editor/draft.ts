import type { MaskItem } from './mask-items.ts';

/** Changes of an image that are not saved yet. They survive a reload of the page in this tab. */
export interface Draft {
  /** The version that was changed */
  readonly versionId: string;
  readonly versionNumber: number;
  readonly base: readonly MaskItem[];
  readonly items: readonly MaskItem[];
}

const keyOf = (imageId: string) => `masks ${imageId}`;

export function readDraft(imageId: string): Draft | undefined {
  const text = sessionStorage.getItem(keyOf(imageId));
  return text === null ? undefined : (JSON.parse(text) as Draft);
}

export function keepDraft(imageId: string, draft: Draft): void {
  sessionStorage.setItem(keyOf(imageId), JSON.stringify(draft));
}

export function dropDraft(imageId: string): void {
  sessionStorage.removeItem(keyOf(imageId));
}
