import { createHash, randomBytes } from 'node:crypto';
import type { SessionStore } from '../../storage/session-store.ts';

const ID_BYTES = 32;
/** A page that polls would otherwise write on each request. */
const TOUCH_EVERY_MS = 30_000;

export interface SessionLimits {
  readonly idleMs: number;
  readonly absoluteMs: number;
}

export interface Session {
  readonly id: string;
  /** At the latest; a session that is not used ends before. */
  readonly expiresAt: Date;
}

/**
 * Sessions of the console, by an id of 256 random bits that only the browser has. An id is made at each login and never
 * taken over from a request. They are our own rather than a session plugin's: such a plugin stands before every route,
 * and a database that is away would then stand between the public API and its answers.
 */
export class Sessions {
  readonly #store: SessionStore;
  readonly #limits: SessionLimits;
  readonly #password: string;

  /** @param password which one is in force: sessions opened with another are no longer valid */
  constructor(store: SessionStore, limits: SessionLimits, password: string) {
    this.#store = store;
    this.#limits = limits;
    this.#password = password;
  }

  async open(): Promise<Session> {
    const now = Date.now();
    const { absoluteMs, idleMs } = this.#limits;
    await this.#store.sweep(new Date(now - absoluteMs), new Date(now - idleMs - TOUCH_EVERY_MS));
    const id = randomBytes(ID_BYTES).toString('base64url');
    const at = new Date(now);
    await this.#store.add({ digest: digestOf(id), password: this.#password, createdAt: at, lastSeenAt: at });
    return { id, expiresAt: new Date(now + absoluteMs) };
  }

  /**
   * @param isUse whether somebody uses the session by it, so that its idle time begins anew
   * @returns null where there is no such session, or none any more
   */
  async resume(id: string, isUse: boolean): Promise<Session | null> {
    const digest = digestOf(id);
    const session = await this.#store.find(digest);
    if (session?.password !== this.#password) return null;
    const now = Date.now();
    const expiresAt = new Date(session.createdAt.getTime() + this.#limits.absoluteMs);
    const idleMs = now - session.lastSeenAt.getTime();
    if (now >= expiresAt.getTime() || idleMs >= this.#limits.idleMs) {
      await this.#store.remove(digest);
      return null;
    }
    if (isUse && idleMs >= TOUCH_EVERY_MS) await this.#store.touch(digest, new Date(now));
    return { id, expiresAt };
  }

  async close(id: string): Promise<void> {
    await this.#store.remove(digestOf(id));
  }
}

function digestOf(id: string): string {
  return createHash('sha256').update(id).digest('hex');
}
