// Addresses of servers as texts: what a hello's `hosts` and an SRV answer name, and the key that members are known by.
// It resolves nothing. Invariant: two addresses that differ only in the case of the host have one key.

import type { HostPort } from '../options.ts';
import type { EndpointKey } from './exchange.ts';

const DEFAULT_PORT = 27_017;
/** As long as a DNS name may be, with room for a port. */
const MAX_LENGTH = 262;

/** `host:port` in lower case; IPv6 in brackets, as servers write it. */
export function endpointKey({ host, port }: HostPort): EndpointKey {
  const name = host.toLowerCase();
  return name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`;
}

/** Reads `host`, `host:port` or `[v6]:port`; null when it is none of these. */
export function readServerAddress(text: string): HostPort | null {
  if (text.length > MAX_LENGTH) return null;
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]/@]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return null;
  const host = match[1] ?? match[2] ?? '';
  const port = match[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  return port === 0 || port > 65_535 ? null : { host: host.toLowerCase(), port };
}
