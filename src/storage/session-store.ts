import type { SessionRow } from './records/session.entity.ts';

/** Stores the sessions of the console. Also the injection token, whether storage is on or off. */
export abstract class SessionStore {
  abstract add(session: SessionRow): Promise<void>;
  abstract find(digest: string): Promise<SessionRow | null>;
  abstract touch(digest: string, at: Date): Promise<void>;
  abstract remove(digest: string): Promise<void>;
  /** Deletes sessions that were opened, or last used, before these times. */
  abstract sweep(createdBefore: Date, lastSeenBefore: Date): Promise<void>;
}

/** More than there are operators. Without a limit, logins could fill the memory. */
const MAX_SESSIONS = 1000;

/** Without storage, sessions end with the process. */
export class MemorySessionStore extends SessionStore {
  readonly #sessions = new Map<string, SessionRow>();

  override add(session: SessionRow): Promise<void> {
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    this.#sessions.set(session.digest, session);
    return Promise.resolve();
  }

  override find(digest: string): Promise<SessionRow | null> {
    return Promise.resolve(this.#sessions.get(digest) ?? null);
  }

  override touch(digest: string, at: Date): Promise<void> {
    const session = this.#sessions.get(digest);
    if (session) this.#sessions.set(digest, { ...session, lastSeenAt: at });
    return Promise.resolve();
  }

  override remove(digest: string): Promise<void> {
    this.#sessions.delete(digest);
    return Promise.resolve();
  }

  override sweep(createdBefore: Date, lastSeenBefore: Date): Promise<void> {
    for (const { digest, createdAt, lastSeenAt } of this.#sessions.values()) {
      if (createdAt < createdBefore || lastSeenAt < lastSeenBefore) this.#sessions.delete(digest);
    }
    return Promise.resolve();
  }
}
