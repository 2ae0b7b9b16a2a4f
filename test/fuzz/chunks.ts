// Cuts a stream into pieces that cannot see each other.
// Invariant: the pieces joined are the stream; what lies beside a piece in memory is poison, not its neighbour.

import type { Random } from './random.ts';

const GUARD_BYTES = 16;

/** A copy of `bytes` as a view in the middle of a buffer filled with `poison`. */
export function embed(bytes: Buffer, poison: number): Buffer {
  const whole = Buffer.alloc(bytes.length + 2 * GUARD_BYTES, poison);
  whole.set(bytes, GUARD_BYTES);
  return whole.subarray(GUARD_BYTES, GUARD_BYTES + bytes.length);
}

/** Whether the poison around an embedded view is as it was. */
export function isGuardWhole(view: Buffer, poison: number): boolean {
  const before = Buffer.from(view.buffer, view.byteOffset - GUARD_BYTES, GUARD_BYTES);
  const behind = Buffer.from(view.buffer, view.byteOffset + view.length, GUARD_BYTES);
  return before.every((byte) => byte === poison) && behind.every((byte) => byte === poison);
}

/** Whole, in few pieces, in many, or byte by byte; no empty piece. */
export function* cut(bytes: Buffer, random: Random): Generator<Buffer, void, undefined> {
  const poison = random.below(256);
  const longest = random.pick([bytes.length, bytes.length, 4096, 64, 17, 3, 1]);
  let at = 0;
  while (at < bytes.length) {
    const end = Math.min(bytes.length, at + (longest === bytes.length ? longest : 1 + random.below(longest)));
    yield embed(bytes.subarray(at, end), poison);
    at = end;
  }
}
