import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.parse>;

/** Assigned for unicast on the internet (IANA). Outside of it are, among others, all forms of `::a.b.c.d`. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Inside of it, but for documentation (RFC 9637) */
const DOCUMENTATION = ipaddr.IPv6.parseCIDR('3fff::/20');

/** Reached from this machine only through the internet: not private, local, shared, reserved, or another address in disguise. */
export function isPublic(address: string): boolean {
  return ipaddr.isValid(address) && isPublicAddress(ipaddr.parse(address));
}

function isPublicAddress(address: Address): boolean {
  // Everything else in the registries of special addresses has a name of its own, also IPv4 in IPv6 and NAT64.
  if (address.range() !== 'unicast') return false;
  if (address instanceof ipaddr.IPv4) return true;
  return address.match(GLOBAL_UNICAST) && !address.match(DOCUMENTATION) && !isIsatap(address);
}

/** An IPv4 address in the last 32 bits (RFC 5214) */
function isIsatap({ parts }: ipaddr.IPv6): boolean {
  return (parts[4]! & 0xfdff) === 0 && parts[5] === 0x5efe;
}
