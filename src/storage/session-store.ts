import type { SessionRow } from './records/session.entity.ts';

/** Where the console's sessions are stored. Also the token it is injected by, whether storage is on or off. */
export abstract class SessionStore {
  abstract add(session: SessionRow): Promise<void>;
  abstract find(digest: string): Promise<SessionRow | null>;
  abstract touch(digest: string, at: Date): Promise<void>;
  abstract remove(digest: string): Promise<void>;
  /** Forgets sessions that were opened, or last used, before these times. */
  abstract sweep(createdBefore: Date, lastSeenBefore: Date): Promise<void>;
}

/** So many operators there are not; whoever could open sessions without end could fill the memory. */
const MAX_SESSIONS = 1000;

/** For a service without storage: sessions end with the process. */
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
