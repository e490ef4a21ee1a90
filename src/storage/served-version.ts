import type { VersionRow } from './records/version.entity.ts';

/** The version that is served: of those that are approved, the newest by approval, which is the one that no other replaces. */
export function served(versions: readonly VersionRow[]): VersionRow | undefined {
  const approved = versions.filter(({ state }) => state === 'approved');
  const replaced = new Set(approved.map(({ basedOn }) => basedOn));
  return approved.find(({ id }) => !replaced.has(id));
}
