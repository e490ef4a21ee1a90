/** A stored session. Only the browser has its ID; this has the digest. */
export interface StoredSession {
  /** SHA-256 of the id, in hexadecimal. */
  readonly digest: string;
  /** Fingerprint of the password at login: a session ends when the password changes. */
  readonly password: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
}

/** A store for sessions. */
export interface SessionStore {
  add(session: StoredSession): Promise<void>;
  find(digest: string): Promise<StoredSession | null>;
  touch(digest: string, at: Date): Promise<void>;
  remove(digest: string): Promise<void>;
  /** Deletes sessions that were opened or last used before these times. */
  sweep(createdBefore: Date, lastSeenBefore: Date): Promise<void>;
}

/** More than there are operators; without a limit, logins could fill the memory. */
const MAX_SESSIONS = 1000;

/** For a service without storage: sessions end with the process. */
export class MemorySessionStore implements SessionStore {
  readonly #sessions = new Map<string, StoredSession>();

  add(session: StoredSession): Promise<void> {
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    this.#sessions.set(session.digest, session);
    return Promise.resolve();
  }

  find(digest: string): Promise<StoredSession | null> {
    return Promise.resolve(this.#sessions.get(digest) ?? null);
  }

  touch(digest: string, at: Date): Promise<void> {
    const session = this.#sessions.get(digest);
    if (session) this.#sessions.set(digest, { ...session, lastSeenAt: at });
    return Promise.resolve();
  }

  remove(digest: string): Promise<void> {
    this.#sessions.delete(digest);
    return Promise.resolve();
  }

  sweep(createdBefore: Date, lastSeenBefore: Date): Promise<void> {
    for (const { digest, createdAt, lastSeenAt } of this.#sessions.values()) {
      if (createdAt < createdBefore || lastSeenAt < lastSeenBefore) this.#sessions.delete(digest);
    }
    return Promise.resolve();
  }
}
