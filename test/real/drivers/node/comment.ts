// Comments in the four forms that applications use, and the call site that each of them names.
// Written from the rules of the design, not from weir's extractor: the two must agree by themselves.
// Invariant: no two comments made here are equal, as in production, where each carries a request id.
import { randomUUID } from 'node:crypto';

let made = 0;

/** A fresh comment for this call site; the form changes with every call: document, JSON text, key list, plain text. */
export function comment(callSite: string): string | Record<string, string> {
  const form = made++ % 4;
  const traceparent = `00-${randomUUID().replaceAll('-', '')}-00f067aa0ba902b7-01`;
  if (form === 0) return { callingFunction: callSite, traceparent };
  if (form === 1) return JSON.stringify({ hostname: 'h1', httpUniqueId: randomUUID(), callingFunction: callSite });
  if (form === 2) return `callsite='${callSite}',traceparent='${traceparent}'`;
  return callSite;
}

/** The call site that a comment names, `-` when there is none. */
export function callSiteOf(value: unknown): string {
  if (value === undefined || value === null) return '-';
  if (typeof value === 'object') return String((value as Record<string, unknown>)['callingFunction']);
  if (typeof value !== 'string') return '-';
  if (value.startsWith('{')) return String((JSON.parse(value) as Record<string, unknown>)['callingFunction']);
  return /^callsite='([^']*)'/.exec(value)?.[1] ?? value;
}
