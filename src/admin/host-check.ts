// Decides whether a request's Host header names this admin server.
// It protects against DNS rebinding: a web page whose own name was pointed at this machine sends that name as Host.
// Invariant: a name is accepted only if it is `localhost` or the name weir was told to listen on.

import { isIP, isIPv4 } from 'node:net';

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** The host of a Host header in lower case, without port and brackets; null if it is not one. */
export function parseHost(header: string): string | null {
  const match = /^(?:\[([0-9a-f:.%]+)\]|([^[\]:@/\s]+))(?::\d{1,5})?$/i.exec(header);
  const host = match?.[1] ?? match?.[2];
  return host === undefined ? null : host.toLowerCase().replace(/\.$/, '');
}

/** Whether a host, in lower case, names this machine only. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/**
 * True for loopback names and addresses and for the bound host. A server bound to all addresses also accepts any
 * address, because rebinding needs a name.
 */
export function isAllowedHost(header: string | undefined, boundHost: string): boolean {
  const host = header === undefined ? null : parseHost(header);
  if (host === null) return false;
  if (isLoopback(host) || host === boundHost.toLowerCase()) return true;
  return WILDCARDS.has(boundHost) && isIP(host) !== 0;
}
