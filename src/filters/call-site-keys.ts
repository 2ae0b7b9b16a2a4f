// The keys under which tools put the place in the code into a comment, best first.
// It reads no values. Invariant: a smaller rank wins, whatever the order of keys on the wire.

/**
 * - callingFunction: Envoy's and Lyft's; callsite, callSite: what people write by hand
 * - text: the application's own comment inside OpenTelemetry's document
 * - route, controller, action: sqlcommenter, in lists only; controller and action name one place together
 * - ddps, application: the calling service (Datadog, sqlcommenter), in lists only: coarse, but better than nothing
 *
 * Datadog's other keys (dddb, dddbs, dde, ddh, ddpv) name the database or a host, traceparent and request ids one
 * request: none of them is a call site.
 */
export const KEY_RANK = {
  callingFunction: 0,
  callsite: 1,
  callSite: 2,
  text: 3,
  route: 4,
  controller: 5,
  action: 6,
  ddps: 7,
  application: 8,
} as const;

/** Ranks up to here count in documents and JSON; the others are ordinary words there. */
export const LAST_DOCUMENT_RANK: number = KEY_RANK.text;
/** Worse than every rank. */
export const NO_RANK = 99;

/** The keys of documents and JSON, best first. */
export const DOCUMENT_KEYS: readonly string[] = ['callingFunction', 'callsite', 'callSite', 'text'];

interface RankedKey {
  readonly name: string;
  readonly rank: number;
}

/** Keys by their length, so that nearly every key on the wire is dismissed without a comparison. */
const BY_LENGTH: readonly (readonly RankedKey[])[] = (() => {
  const keys = Object.entries(KEY_RANK).map(([name, rank]) => ({ name, rank }));
  const longest = Math.max(...keys.map(({ name }) => name.length));
  return Array.from({ length: longest + 1 }, (_, length) => keys.filter(({ name }) => name.length === length));
})();

/** Rank of the key whose bytes are from `start` to `end`; NO_RANK if it is none of them. */
export function rankOfKey(bytes: Buffer, start: number, end: number): number {
  const candidates = BY_LENGTH[end - start];
  if (candidates === undefined) return NO_RANK;
  for (let i = 0; i < candidates.length; i++) {
    const { name, rank } = candidates[i] as RankedKey;
    if (holdsAscii(bytes, start, name)) return rank;
  }
  return NO_RANK;
}

function holdsAscii(bytes: Buffer, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (bytes[start + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}
