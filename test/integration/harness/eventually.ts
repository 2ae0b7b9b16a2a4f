// Waiting for something to become true, with a deadline. It never waits for a time alone.
// Invariant: a condition that never holds fails with its own name.

import { setTimeout as delay } from 'node:timers/promises';

/** Generous: the machine may be busy with other tests. */
const DEADLINE_MS = 30_000;
const POLL_MS = 5;

/** Resolves once `condition` gives true; rejects after the deadline. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs: number = DEADLINE_MS,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await delay(POLL_MS);
  }
}

/** The promise's value, or an error with a name when it does not come in time. */
export async function within<Value>(
  what: string,
  promise: Promise<Value>,
  deadlineMs: number = DEADLINE_MS,
): Promise<Value> {
  const patience = new AbortController();
  const late = delay(deadlineMs, undefined, { signal: patience.signal }).then(
    () => Promise.reject(new Error(`not within ${deadlineMs} ms: ${what}`)),
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    patience.abort();
  }
}
