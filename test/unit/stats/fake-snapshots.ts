// Snapshots of a proxy that does nothing, for tests and benches of statistics and of the admin server.
// Each part can be replaced. Invariant: every counter is 0 or empty unless replaced.

import type { Snapshots, Summary } from '../../../src/core/snapshots.ts';

export const idleSummary: Summary = {
  version: '0.0.0-test',
  uptimeSeconds: 1.23456,
  downstreamConnections: 0,
  upstreamConnections: 0,
  operations: 0,
  errors: 0,
  refused: 0,
  upstreamReachable: false,
  upstreamLogin: 'none',
  multiplexRatio: null,
  paused: [],
  isDraining: false,
};

export function fakeSnapshots(parts: Partial<Snapshots> = {}): Snapshots {
  return {
    summary: () => idleSummary,
    pools: () => [],
    clients: () => [],
    servers: () => [],
    cursors: () => ({ rows: [], total: 0 }),
    operations: () => [],
    limits: () => [],
    counters: () => ({
      downstreamAccepted: new Map(),
      downstreamClosed: new Map(),
      decodeErrors: new Map(),
      protocolMismatches: 0,
      pins: new Map(),
      awaitTurns: new Map(),
      cleanups: new Map(),
      compressedMessages: new Map(),
      compressionBytes: new Map(),
      bufferBytes: 0,
      bufferPauses: 0,
      openCursors: 0,
      openTransactions: 0,
      sniffingEnded: new Map(),
      driverLeaves: new Map(),
    }),
    ...parts,
  };
}
