import type { Session } from './api/admin.ts';

export type Right = Session['rights'][number];

let current = $state.raw<Session>();
/** Of the requests that wait for the login; undefined while the session lasts. */
let waiting = $state.raw<PromiseWithResolvers<Session>>();

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
  /** Whether the role of the operator permits it. */
  may(right: Right): boolean {
    return current?.rights.includes(right) ?? false;
  },
  get hasEnded(): boolean {
    return waiting !== undefined;
  },
  /** The service no longer knows the session: waits until the operator has logged in again. */
  renewal(): Promise<Session> {
    waiting ??= Promise.withResolvers<Session>();
    return waiting.promise;
  },
  renewed(next: Session): void {
    current = next;
    waiting?.resolve(next);
    waiting = undefined;
  },
};
