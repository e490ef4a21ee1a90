import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The owner of one IPv6 address usually has all 2⁶⁴ of its network. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(':') : parsed.toString();
}
