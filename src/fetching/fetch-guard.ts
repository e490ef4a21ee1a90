import { lookup } from 'node:dns/promises';
import { DomainError } from '../errors/domain-error.ts';
import type { AllowList } from './allow-list.ts';
import { systemErrorCode } from '../errors/reason.ts';
import { toTarget } from './target.ts';
import { TemporaryFetchError } from './temporary-fetch-error.ts';

/** All addresses of a host name */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** A URL that was checked, with the addresses to connect to. Its host must not be looked up again: DNS may answer otherwise. */
export interface Admitted {
  readonly url: URL;
  readonly addresses: readonly string[];
}

/** Decides which URLs of callers the service may connect to (SSRF). */
export class FetchGuard {
  readonly #allowed: AllowList;
  readonly #resolve: Resolve;
  readonly #field: string;

  /** @param field name of the option that has the URLs, for errors */
  constructor(allowed: AllowList, resolve: Resolve = resolveBySystem, field = 'url') {
    this.#allowed = allowed;
    this.#resolve = resolve;
    this.#field = field;
  }

  /** @throws DomainError invalid_request, url_not_allowed, fetch_failed */
  async admit(text: string): Promise<Admitted> {
    const { url, address } = toTarget(text, this.#field);
    if (!this.#allowed.mayAdmit(url)) throw this.#notAllowed();
    const addresses = address === null ? await this.#addressesOf(url) : [address];
    if (!this.#allowed.admits(url, addresses)) throw this.#notAllowed();
    return { url, addresses };
  }

  async #addressesOf(url: URL): Promise<readonly string[]> {
    try {
      return await this.#resolve(url.hostname);
    } catch (error) {
      if (!this.#allowed.names(url)) throw this.#notAllowed();
      const detail = `${this.#field}: the host ${url.hostname} cannot be found`;
      if (systemErrorCode(error) === 'ENOTFOUND') throw new DomainError('fetch_failed', detail, { cause: error });
      throw new TemporaryFetchError(detail, { cause: error });
    }
  }

  /** One message for all reasons: it must not tell what a name resolves to inside the network. */
  #notAllowed(): DomainError {
    return new DomainError(
      'url_not_allowed',
      `${this.#field}: the service must not connect to this host. Ask its operator to allow the host`,
    );
  }
}

async function resolveBySystem(hostname: string): Promise<string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}
