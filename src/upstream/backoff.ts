// How long to wait before the next attempt to connect: doubled, capped, jittered. Pure.

const BASE_MS = 50;
const CAP_MS = 1000;
/** A refused login is no hiccup of the network, and servers lock accounts or log each attempt. */
const LOGIN_BASE_MS = 500;
const LOGIN_CAP_MS = 15_000;

/** Milliseconds before attempt number `failures` + 1; `random` in [0, 1). Half is fixed, half is jitter. */
export function backoffMs(failures: number, random: number): number {
  return grow(failures, random, BASE_MS, CAP_MS);
}

/** The same after refused logins. */
export function loginBackoffMs(failures: number, random: number): number {
  return grow(failures, random, LOGIN_BASE_MS, LOGIN_CAP_MS);
}

function grow(failures: number, random: number, baseMs: number, capMs: number): number {
  if (failures <= 0) return 0;
  const full = Math.min(capMs, baseMs * 2 ** Math.min(failures - 1, 10));
  return full / 2 + (full / 2) * random;
}
