import type { Session } from './api/admin.ts';

let current = $state.raw<Session>();

/** The current session and the service. The layout reads it before any page is shown. */
export const session = {
  get current(): Session | undefined {
    return current;
  },
  set(next: Session): void {
    current = next;
  },
  get hasStorage(): boolean {
    return current?.storage === 'on';
  },
};
