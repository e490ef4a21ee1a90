import type { Session } from './api/admin.ts';

let current = $state.raw<Session>();

/** Who is signed in, and what the service that they talk to is. The layout reads it before any page shows. */
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
