// Where secrets stand in a config, so that messages leave out what was found there. Pure.
// Invariant: a place counts as secret with all that is below it, and with a wrong value in place of the whole.

const SECRET = /^clusters\[\]\.(?:uri|auth|tls)(?:$|[.[])/;

/** @param place as `clusters[].auth.password` (places.ts, toPlace) */
export function isSecretPlace(place: string): boolean {
  return SECRET.test(place);
}
