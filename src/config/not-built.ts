// What the blueprint promises and weir does not do yet, by its place in the config. A user who writes one of these is
// told so plainly; ignoring it would be a lie. An entry leaves this table in the change that builds it.

/** Keys, as `parents[].key`. */
const NOT_BUILT_KEYS: ReadonlyMap<string, string> = new Map([
  ['listeners[].tls', 'TLS for clients'],
  ['limits[].concurrency', 'limits of operations at the same time; use rate and burst'],
  ['access', 'access rules'],
  ['faults', 'fault injection'],
  ['stats.shapes', 'statistics per query shape'],
  ['stats.slow', 'the slow operation log'],
]);

/** Values, as `parents[].key=value`. */
const NOT_BUILT_VALUES: ReadonlyMap<string, string> = new Map([
  ['listeners[].face=replicaSet', 'face replicaSet; use mongos'],
  ['listeners[].auth.mode=relay', 'logins of clients (auth mode relay); use none'],
  ['listeners[].auth.mode=terminate', 'logins of clients (auth mode terminate); use none'],
  ['limits[].action=delay', 'action delay; use reject'],
]);

/** "not built yet: …" for a key, or null when nobody promised it. */
export function explainNotBuiltKey(place: string): string | null {
  const what = NOT_BUILT_KEYS.get(place);
  return what === undefined ? null : `not built yet: ${what}`;
}

/** "not built yet: …" for a value at a place, or null. */
export function explainNotBuiltValue(place: string, value: unknown): string | null {
  if (place === 'workers' && typeof value === 'number' && value > 1) {
    return 'not built yet: several processes on one port; use workers: 1';
  }
  const what = NOT_BUILT_VALUES.get(`${place}=${String(value)}`);
  return what === undefined ? null : `not built yet: ${what}`;
}

/** Everything of this table, for the reference page: place or place=value, and what it is. */
export function listNotBuilt(): readonly (readonly [string, string])[] {
  return [
    ...NOT_BUILT_KEYS,
    ...NOT_BUILT_VALUES,
    ['listeners[].bind=unix:…', 'unix sockets'],
    ['workers=2 and more', 'several processes on one port'],
  ];
}
