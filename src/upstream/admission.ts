// Who may take a free upstream connection: one pure function over classes and counts. No socket, no timer, no queue.
// Invariant: while a transaction is open and the cap is above 1, ordinary work never holds every connection, or
// plain writes blocked by the transaction's locks would keep out the commit that frees them (design.md decision 5).

import type { AdmissionClass } from './exchange.ts';

export interface AdmissionCounts {
  /** Hard cap of connections. */
  readonly cap: number;
  readonly heldByPrivileged: number;
  readonly heldByOrdinary: number;
  /** Transactions open through weir. */
  readonly openTransactions: number;
}

/** Connections that only the privileged class may take now. */
export function reservedConnections(counts: AdmissionCounts): number {
  return counts.openTransactions > 0 && counts.cap > 1 ? 1 : 0;
}

/** True when an exchange of this class may hold one connection more. */
export function mayHold(admission: AdmissionClass, counts: AdmissionCounts): boolean {
  if (counts.heldByPrivileged + counts.heldByOrdinary >= counts.cap) return false;
  if (admission === 'privileged') return true;
  return counts.heldByOrdinary < counts.cap - reservedConnections(counts);
}

/** Which waiting class is served next, or null when none may be. Privileged first, FIFO within a class. */
export function nextClass(
  waitingPrivileged: number,
  waitingOrdinary: number,
  counts: AdmissionCounts,
): AdmissionClass | null {
  if (waitingPrivileged > 0 && mayHold('privileged', counts)) return 'privileged';
  if (waitingOrdinary > 0 && mayHold('ordinary', counts)) return 'ordinary';
  return null;
}
