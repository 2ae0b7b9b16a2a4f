// The leak detector: once the last client has left, nothing may be lent, waited for, open or running any more.
// It waits for nothing: who asks has let enough time pass. Invariant: what is left is said by name and number.

import assert from 'node:assert/strict';
import type { Weir } from '../../src/app.ts';
import type { PoolSnapshot } from '../../src/core/snapshots.ts';
import type { Rig } from './rig.ts';

interface Remains {
  readonly pools: readonly Pick<PoolSnapshot, 'lane' | 'busy' | 'waiters'>[];
  readonly clients: number;
  readonly cursors: number;
  readonly transactions: number;
  readonly operations: number;
  /** Of the byte budget. */
  readonly bytes: number;
}

function listed({ pools, ...counts }: Remains): string[] {
  const left = Object.entries(counts).filter(([, count]) => count !== 0);
  const texts = left.map(([what, count]) => `${count} ${what}`);
  for (const { lane, busy, waiters } of pools) {
    // The monitor says hello whoever is connected.
    if (busy !== 0 && lane !== 'monitor') texts.push(`${busy} busy connections in ${lane}`);
    if (waiters !== 0) texts.push(`${waiters} waiters in ${lane}`);
  }
  return texts;
}

/** What a whole weir still holds, a text each; empty: nothing. */
export function leftIn({ snapshots, table }: Weir): string[] {
  const { openCursors, openTransactions, bufferBytes } = snapshots.counters();
  return listed({
    pools: snapshots.pools(),
    clients: snapshots.clients().length,
    cursors: openCursors,
    transactions: openTransactions,
    operations: table.totals.active,
    bytes: bufferBytes,
  });
}

/** The same of a rig. */
export function leftInRig({ cluster, dispatcher, downstream, table, budget }: Rig): string[] {
  const { cursors, transactions } = dispatcher.router;
  return listed({
    pools: cluster.snapshot(),
    clients: downstream.connections.size + [...dispatcher.peers.all()].length,
    cursors: cursors.size,
    transactions: transactions.size,
    operations: table.totals.active,
    bytes: budget.held,
  });
}

export function assertNothingLeft(weir: Weir): void {
  assert.deepEqual(leftIn(weir), [], 'something is left of clients that are gone');
}

export function assertNothingLeftInRig(rig: Rig): void {
  assert.deepEqual(leftInRig(rig), [], 'something is left of clients that are gone');
}
