import ipaddr from 'ipaddr.js';
import { DomainError } from '../errors/domain-error.ts';

/** A URL that can be checked: http or https, without credentials, with a host in its usual form. */
export interface Target {
  readonly url: URL;
  /** The address in the URL; null: a name, which has to be looked up */
  readonly address: string | null;
}

const MAX_LENGTH = 4096;
/** A URL may contain them, and parsers remove them. */
const IGNORED_BY_PARSERS = /[\s\p{C}\\]/u;

/**
 * @param field name of the option that has the URL, for errors
 * @throws DomainError invalid_request
 */
export function toTarget(text: string, field: string): Target {
  const url = text.length <= MAX_LENGTH && !IGNORED_BY_PARSERS.test(text) ? URL.parse(text) : null;
  if (!url || !/^https?:\/\/[^/]/i.test(text) || url.username !== '' || url.password !== '') {
    throw new DomainError('invalid_request', `${field}: expected: a URL with http or https, and without credentials`);
  }
  const address = addressIn(url);
  if (
    address !== null &&
    !text
      .toLowerCase()
      .slice(url.protocol.length + 2)
      .startsWith(url.hostname)
  ) {
    // Such as 2130706433, 0177.1 or full-width digits. Nobody who means an address writes it like that.
    throw new DomainError('invalid_request', `${field}: write the address as ${url.hostname}`);
  }
  return { url, address };
}

function addressIn({ hostname }: URL): string | null {
  const text = hostname.replace(/^\[(.*)\]$/, '$1');
  return ipaddr.isValid(text) ? text : null;
}
