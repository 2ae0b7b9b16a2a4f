// How long to wait before the next attempt to connect: doubled, capped, jittered. Pure.

const BASE_MS = 50;
const CAP_MS = 1000;

/** Milliseconds before attempt number `failures` + 1; `random` in [0, 1). Half is fixed, half is jitter. */
export function backoffMs(failures: number, random: number): number {
  if (failures <= 0) return 0;
  const full = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(failures - 1, 10));
  return full / 2 + (full / 2) * random;
}
