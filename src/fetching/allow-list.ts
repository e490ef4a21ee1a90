import ipaddr from 'ipaddr.js';
import { ConfigurationError } from '../config/configuration.ts';
import { reasonOf } from '../errors/reason.ts';
import { isPublic } from './public-address.ts';

type Range = ReturnType<typeof ipaddr.parseCIDR>;

interface HostRule {
  /** `*`: all; `*.example.com`: all below it */
  readonly host: string;
  /** null: the default port of http and https */
  readonly port: string | null;
}

/** Addresses that no entry can allow: metadata services of clouds, and those that are no single machine. */
const NEVER = ['linkLocal', 'unspecified', 'multicast', 'broadcast'];
/** A shorter prefix is meant as "everything", which would include the own network. */
const SHORTEST_PREFIX = { ipv4: 8, ipv6: 16 };
const HOST = /^(\*|(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*)(?::(\d{1,5}))?$/;

/**
 * Where the service may connect to: hosts with public addresses (`example.com`, `*.example.com`, `*`, each with `:port`), and
 * addresses or CIDR ranges, which may be private.
 */
export class AllowList {
  readonly #hosts: readonly HostRule[];
  readonly #ranges: readonly Range[];

  /** @throws Error for an entry that is neither */
  constructor(entries: readonly string[]) {
    const ranges = entries.map(toRange);
    this.#ranges = ranges.filter((range) => range !== null);
    this.#hosts = entries.filter((_, at) => ranges[at] === null).map(toHostRule);
  }

  /** @throws ConfigurationError that names the setting */
  static ofSetting(name: string, entries: readonly string[]): AllowList {
    try {
      return new AllowList(entries);
    } catch (error) {
      throw new ConfigurationError(`${name}: ${reasonOf(error)}`);
    }
  }

  get isEmpty(): boolean {
    return this.#hosts.length === 0 && this.#ranges.length === 0;
  }

  /** Whether it depends on the addresses: no host that nobody has named is looked up. */
  mayAdmit(url: Pick<URL, 'hostname' | 'port'>): boolean {
    return this.#ranges.length > 0 || this.names(url);
  }

  /** @param addresses all that the host has; one that is not allowed forbids them all */
  admits(url: Pick<URL, 'hostname' | 'port'>, addresses: readonly string[]): boolean {
    const isNamed = this.names(url);
    return (
      addresses.length > 0 && addresses.every((address) => this.#isInRange(address) || (isNamed && isPublic(address)))
    );
  }

  names({ hostname, port }: Pick<URL, 'hostname' | 'port'>): boolean {
    return this.#hosts.some((rule) => matches(rule, hostname, port));
  }

  #isInRange(text: string): boolean {
    const address = ipaddr.parse(text);
    if (NEVER.includes(address.range())) return false;
    return this.#ranges.some((range) => range[0].kind() === address.kind() && address.match(range));
  }
}

function toRange(entry: string): Range | null {
  const range = ipaddr.isValidCIDR(entry)
    ? ipaddr.parseCIDR(entry)
    : ipaddr.isValid(entry)
      ? ipaddr.parseCIDR(`${entry}/${ipaddr.parse(entry).kind() === 'ipv4' ? 32 : 128}`)
      : null;
  if (range !== null && range[1] < SHORTEST_PREFIX[range[0].kind()]) {
    throw new Error(`${entry} is too large: name smaller ranges, or * for all hosts with public addresses`);
  }
  return range;
}

function toHostRule(entry: string): HostRule {
  const [, host, , , port = null] = HOST.exec(entry.toLowerCase()) ?? [];
  if (host === undefined) throw new Error(`${entry} is neither a host nor an address or CIDR range`);
  return { host, port };
}

function matches({ host, port }: HostRule, hostname: string, given: string): boolean {
  if (given !== (port ?? '')) return false;
  const name = hostname.replace(/\.$/, '');
  return host === '*' || name === host || (host.startsWith('*.') && name.endsWith(host.slice(1)));
}
