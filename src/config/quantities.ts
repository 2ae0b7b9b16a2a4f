// Durations, sizes, rates and addresses as people write them. Pure text to numbers; no defaults, no schema.
// Invariant: a number without its unit is never guessed.

import { parse as parseMilliseconds } from '@lukeed/ms';
import type { HostPort } from '../options.ts';
import { complain, type Parsed, parsed, quote } from './parsed.ts';

const DURATION = /^\d{1,12}(?:\.\d{1,6})?\s?(?:ms|s|m|h)$/;
const SIZE = /^(\d{1,9}(?:\.\d{1,6})?)\s?(KB|MB|GB)$/;
const BYTES_OF: Readonly<Record<string, number>> = { KB: 1024, MB: 1_048_576, GB: 1_073_741_824 };
const RATE = /^(\d{1,12}(?:\.\d{1,6})?)\/(s|m|h)$/;
const SECONDS_OF: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
const MAX_DURATION_MS = 24 * 3600 * 1000;
const MAX_RATE_PER_SECOND = 10_000_000;
const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253})$/;
const IPV6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?$/;

/** "250ms", "5s", "10m", "1h" to milliseconds, above 0 and at most 24 hours. */
export function parseDuration(text: string): Parsed<number> {
  const ms = DURATION.test(text) ? parseMilliseconds(text) : undefined;
  // The library answers nothing for zero, and a timeout of zero could be read as "none" or as "at once".
  if (ms === undefined) return complain(`expected a duration above 0 such as 5s, 250ms or 10m, found ${quote(text)}`);
  if (ms > MAX_DURATION_MS) return complain(`expected a duration of at most 24h, found ${quote(text)}`);
  return parsed(ms);
}

/** Like {@link parseDuration}, and "0s" where not waiting at all makes sense. */
export function parseDurationOrZero(text: string): Parsed<number> {
  return /^0\s?(?:ms|s|m|h)$/.test(text) ? parsed(0) : parseDuration(text);
}

/** "64KB", "1MB", "2GB" to whole bytes, in steps of 1024, within the bounds given. */
export function parseSize(text: string, minBytes: number, maxBytes: number): Parsed<number> {
  const match = SIZE.exec(text);
  const unit = BYTES_OF[match?.[2] ?? ''];
  if (match === null || unit === undefined) {
    return complain(`expected a size such as 64KB, 1MB or 2GB, found ${quote(text)}`);
  }
  const bytes = Math.round(Number(match[1]) * unit);
  if (bytes >= minBytes && bytes <= maxBytes) return parsed(bytes);
  return complain(`expected a size from ${formatSize(minBytes)} to ${formatSize(maxBytes)}, found ${quote(text)}`);
}

function formatSize(bytes: number): string {
  const [unit = 'KB', size = 1024] = Object.entries(BYTES_OF).findLast(([, size]) => bytes >= size) ?? [];
  return `${bytes / size}${unit}`;
}

/** "50/s", "3000/m", "10/h" to events per second. */
export function parseRate(text: string): Parsed<number> {
  const match = RATE.exec(text);
  const seconds = SECONDS_OF[match?.[2] ?? ''];
  if (match === null || seconds === undefined) {
    return complain(`expected a rate such as 50/s, 3000/m or 10/h, found ${quote(text)}`);
  }
  const perSecond = Number(match[1]) / seconds;
  if (perSecond <= 0 || perSecond > MAX_RATE_PER_SECOND) {
    return complain(`expected a rate above 0 and up to ${MAX_RATE_PER_SECOND}/s, found ${quote(text)}`);
  }
  return parsed(perSecond);
}

/** "host:port" or "[ipv6]:port" to listen on; port 0 means any free one. */
export function parseBind(text: string): Parsed<HostPort> {
  if (text.startsWith('unix:') || text.startsWith('/')) {
    return complain('not built yet: unix sockets; bind to host:port');
  }
  const colon = text.lastIndexOf(':');
  const host = readHost(text.slice(0, Math.max(colon, 0)));
  const port = readPort(text.slice(colon + 1));
  if (host === null || port === null) {
    return complain(`expected host:port such as 127.0.0.1:27018 or [::1]:27018, found ${quote(text)}`);
  }
  return parsed({ host, port });
}

/** Like {@link parseBind}, and "off" for no server at all. */
export function parseBindOrOff(text: string): Parsed<HostPort | null> {
  return text === 'off' ? parsed(null) : parseBind(text);
}

/** A host name, IPv4 or bracketed IPv6 address; the brackets are dropped. Null when it is none of these. */
export function readHost(text: string): string | null {
  if (text.startsWith('[') && text.endsWith(']')) {
    const inner = text.slice(1, -1);
    return IPV6.test(inner) ? inner : null;
  }
  return HOST_NAME.test(text) ? text : null;
}

/** 0 to 65535, decimal digits only. */
export function readPort(text: string): number | null {
  if (!/^\d{1,5}$/.test(text)) return null;
  const port = Number(text);
  return port <= 65_535 ? port : null;
}

/** The way back, for messages: IPv6 gets its brackets. */
export function formatHostPort(address: HostPort): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
