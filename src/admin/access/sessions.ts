import { hash, randomBytes } from 'node:crypto';
import type { SessionStore } from '../../storage/session-store.ts';
import type { Account } from './account.ts';
import type { Accounts } from './accounts.ts';

const ID_BYTES = 32;
/** Otherwise a page that polls would write with each request. */
const TOUCH_EVERY_MS = 30_000;

export interface SessionLimits {
  readonly idleMs: number;
  readonly absoluteMs: number;
}

export interface Session {
  readonly id: string;
  readonly account: Account;
  /** The latest end; an idle session ends earlier. */
  readonly expiresAt: Date;
}

/**
 * Sessions of the console, with an ID of 256 random bits that only the browser has. An ID is created at each login and never
 * taken from a request. No session plugin is used: a plugin would run for every route,
 * and an unavailable database would then fail the public API.
 */
export class Sessions {
  readonly #store: SessionStore;
  readonly #limits: SessionLimits;
  readonly #accounts: Accounts;

  /** @param accounts the current ones: sessions that were opened with another password are invalid */
  constructor(store: SessionStore, limits: SessionLimits, accounts: Accounts) {
    this.#store = store;
    this.#limits = limits;
    this.#accounts = accounts;
  }

  async open(account: Account): Promise<Session> {
    const now = Date.now();
    const { absoluteMs, idleMs } = this.#limits;
    await this.#store.sweep(new Date(now - absoluteMs), new Date(now - idleMs - TOUCH_EVERY_MS));
    const id = randomBytes(ID_BYTES).toString('base64url');
    const at = new Date(now);
    const { name: userName, fingerprint: password, isExternal, role } = account;
    const externalRole = isExternal ? role : null;
    await this.#store.add({ digest: digestOf(id), userName, externalRole, password, createdAt: at, lastSeenAt: at });
    return { id, account, expiresAt: new Date(now + absoluteMs) };
  }

  /**
   * @param isUse whether this counts as use and restarts the idle time
   * @returns null if the session does not exist or has ended
   */
  async resume(id: string, isUse: boolean): Promise<Session | null> {
    const digest = digestOf(id);
    const session = await this.#store.find(digest);
    const account = session && this.#accounts.find(session.userName, session.externalRole);
    if (!account || session.password !== account.fingerprint) return null;
    const now = Date.now();
    const expiresAt = new Date(session.createdAt.getTime() + this.#limits.absoluteMs);
    const idleMs = now - session.lastSeenAt.getTime();
    if (now >= expiresAt.getTime() || idleMs >= this.#limits.idleMs) {
      await this.#store.remove(digest);
      return null;
    }
    if (isUse && idleMs >= TOUCH_EVERY_MS) await this.#store.touch(digest, new Date(now));
    return { id, account, expiresAt };
  }

  async close(id: string): Promise<void> {
    await this.#store.remove(digestOf(id));
  }
}

function digestOf(id: string): string {
  return hash('sha256', id);
}
