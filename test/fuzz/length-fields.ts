// Guesses where an input says how long something is.
// Knows no format. Invariant: every offset has four bytes behind it inside the input.

const MAX_FIELDS = 512;

/** Offsets of int32 values that could be the length of what follows or contains them. */
export function lengthFields(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at + 4 <= bytes.length && found.length < MAX_FIELDS; at++) {
    const value = bytes.readInt32LE(at);
    if (value >= 1 && value <= bytes.length - at) {
      found.push(at);
    }
  }
  return found;
}
