import { hash } from 'node:crypto';
import type * as OpenIdClient from 'openid-client';
import type { Configuration } from '../../config/configuration.ts';
import type { Account } from './account.ts';
import { type Role, ROLES } from '../../config/user-roles.ts';

export type OpenIdSettings = Configuration['openId'];

/** Of a login that has been started. The browser keeps it until the identity provider sends it back. */
export interface OpenIdRequest {
  readonly state: string;
  readonly nonce: string;
  /** PKCE (RFC 7636) */
  readonly verifier: string;
  /** The page to open afterwards. */
  readonly next: string;
}

/** Why a login failed; the login page has a message for each. */
export type OpenIdFailure = 'expired' | 'denied' | 'no_name' | 'no_role' | 'provider';

export class OpenIdError extends Error {
  override readonly name = 'OpenIdError';
  readonly failure: OpenIdFailure;

  constructor(failure: OpenIdFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

const TIMEOUT_SECONDS = 10;
const MAX_NAME_LENGTH = 128;
/** Names are shown in the audit log. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

type Claims = Readonly<Record<string, unknown>>;

/** Logins with an identity provider: authorization code flow with PKCE (OpenID Connect Core 1.0, 3.1). */
export class OpenId {
  readonly label: string;
  readonly #settings: OpenIdSettings;
  /** Another provider, client or list of roles ends the sessions. */
  readonly #fingerprint: string;
  #provider: Promise<{ client: typeof OpenIdClient; configuration: OpenIdClient.Configuration }> | undefined;

  constructor(settings: OpenIdSettings) {
    this.#settings = settings;
    this.label = settings.label;
    const { issuer, clientId, roles } = settings;
    this.#fingerprint = hash('sha256', JSON.stringify([issuer, clientId, roles]));
  }

  account(name: string, role: Role): Account {
    return { name, role, fingerprint: this.#fingerprint, isExternal: true };
  }

  /**
   * @returns the page of the provider to which the browser is sent
   * @throws OpenIdError
   */
  async start(redirectUri: string, next: string): Promise<{ url: URL; request: OpenIdRequest }> {
    const { client, configuration } = await this.provider();
    const request = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
      next,
    };
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: this.#settings.scopes,
      state: request.state,
      nonce: request.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(request.verifier),
      code_challenge_method: 'S256',
    });
    return { url, request };
  }

  /**
   * @param callback the URL with which the provider sent the browser back
   * @throws OpenIdError
   */
  async finish(callback: URL, { state, nonce, verifier }: OpenIdRequest): Promise<Account> {
    if (callback.searchParams.get('state') !== state) {
      throw new OpenIdError('expired', 'The browser has started another login since');
    }
    const { client, configuration } = await this.provider();
    let claims: Claims;
    try {
      const tokens = await client.authorizationCodeGrant(configuration, callback, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const idClaims = tokens.claims()!;
      claims = this.isComplete(idClaims)
        ? idClaims
        : { ...idClaims, ...(await client.fetchUserInfo(configuration, tokens.access_token, idClaims.sub)) };
    } catch (error) {
      if (error instanceof client.AuthorizationResponseError) {
        throw new OpenIdError('denied', `The provider answered ${error.error}`, { cause: error });
      }
      throw new OpenIdError('provider', 'The answer of the provider is not valid', { cause: error });
    }
    return this.account(this.nameIn(claims), this.roleIn(claims));
  }

  private isComplete(claims: Claims): boolean {
    const { nameClaim, rolesClaim } = this.#settings;
    return nameClaim in claims && rolesClaim in claims;
  }

  private nameIn(claims: Claims): string {
    const { nameClaim } = this.#settings;
    const name = claims[nameClaim];
    if (typeof name === 'string' && name !== '' && name.length <= MAX_NAME_LENGTH && !UNPRINTABLE.test(name))
      return name;
    throw new OpenIdError('no_name', `The claim ${nameClaim} of ${String(claims['sub'])} is not a name`);
  }

  /** The highest of the roles of all groups. */
  private roleIn(claims: Claims): Role {
    const { roles, rolesClaim } = this.#settings;
    const claim = claims[rolesClaim];
    const groups: unknown[] = Array.isArray(claim) ? claim : [claim];
    const given = roles.filter(({ group }) => groups.includes(group)).map(({ role }) => role);
    const role = ROLES.findLast((each) => given.includes(each));
    if (role) return role;
    throw new OpenIdError('no_role', `The claim ${rolesClaim} of ${String(claims['sub'])} has none of the groups`);
  }

  /** Discovered at the first login and not at the start: the service starts without the provider. */
  private async provider() {
    this.#provider ??= this.discover();
    try {
      return await this.#provider;
    } catch (error) {
      this.#provider = undefined;
      throw new OpenIdError('provider', `${this.#settings.issuer} cannot be reached`, { cause: error });
    }
  }

  private async discover() {
    const { issuer, clientId, clientSecret } = this.#settings;
    const client = await import('openid-client');
    const url = new URL(issuer);
    const authentication = clientSecret === '' ? client.None() : client.ClientSecretPost(clientSecret);
    const configuration = await client.discovery(url, clientId, undefined, authentication, {
      timeout: TIMEOUT_SECONDS,
      // The settings allow http only for this machine.
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- only marked so that it is noticed
      execute: url.protocol === 'http:' ? [client.allowInsecureRequests] : [],
    });
    return { client, configuration };
  }
}
