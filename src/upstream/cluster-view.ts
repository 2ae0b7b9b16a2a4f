// What a cluster is, computed from its members: who is near enough, what clients are told, what people are shown.
// Pure. Invariant: nobody is told of more than every live member can do.

import type { PoolSnapshot } from '../core/snapshots.ts';
import type { PoolOptions } from '../options.ts';
import type { Endpoint } from './endpoint.ts';
import type { EndpointKey } from './exchange.ts';
import type { Lobby } from './lobby.ts';
import type { Member } from './member.ts';
import type { Monitor } from './monitor.ts';
import type { LaneSnapshot } from './pool-parts.ts';
import type { ServerDescription } from './server-description.ts';

/** Those whose round trip is within so much of the shortest; one that was not measured is taken for near. */
export function pickMembers(usable: readonly Member[], localThresholdMs: number): readonly Member[] {
  if (usable.length < 2) return usable;
  const nearestMs = Math.min(...usable.map(({ rttMs }) => rttMs ?? 0));
  return usable.filter(({ rttMs }) => (rttMs ?? 0) <= nearestMs + localThresholdMs);
}

/** The writable member's own description, each limit lowered to the least of all that hold data. */
export function readFacts(writable: ServerDescription, dataBearing: readonly ServerDescription[]): ServerDescription {
  const all = [writable, ...dataBearing];
  const least = (read: (server: ServerDescription) => number): number => Math.min(...all.map(read));
  const timeouts = all.map(({ logicalSessionTimeoutMinutes }) => logicalSessionTimeoutMinutes);
  return {
    ...writable,
    maxWireVersion: least((server) => server.maxWireVersion),
    maxBsonObjectSize: least((server) => server.maxBsonObjectSize),
    maxMessageSizeBytes: least((server) => server.maxMessageSizeBytes),
    maxWriteBatchSize: least((server) => server.maxWriteBatchSize),
    logicalSessionTimeoutMinutes: timeouts.reduce((a, b) => (a === null || b === null ? null : Math.min(a, b))),
  };
}

export interface PoolRowsParts {
  readonly cluster: string;
  readonly options: PoolOptions;
  readonly members: readonly Member[];
  readonly endpoints: readonly Endpoint[];
  readonly lobby: Lobby;
  /** Its rows show those who wait for any member. */
  readonly lastUsable: EndpointKey | null;
  readonly monitorOf: (key: EndpointKey) => Monitor | undefined;
}

/** The lanes of each endpoint, then a row for each monitor. Before the first contact the lanes have no name yet. */
export function poolRows(parts: PoolRowsParts): PoolSnapshot[] {
  const { cluster, endpoints, members, monitorOf } = parts;
  const monitors = members.map((member): PoolSnapshot => {
    const { state } = member;
    return { cluster, endpoint: member.key, state, ...monitorRow(monitorOf(member.key)) };
  });
  const lanes = endpoints.length === 0 ? namelessRows(parts) : endpoints.flatMap((endpoint) => rowsOf(endpoint, parts));
  return [...lanes, ...monitors];
}

function namelessRows({ cluster, options, lobby }: PoolRowsParts): PoolSnapshot[] {
  const rows = { ordinary: options.maxConnections, await: options.awaitConnections };
  return (['ordinary', 'await'] as const).map((lane): PoolSnapshot => {
    return { cluster, endpoint: '', state: 'unknown', ...withLobby(emptyRow(lane, rows[lane]), lobby, lane) };
  });
}

function rowsOf(endpoint: Endpoint, { cluster, lobby, lastUsable }: PoolRowsParts): PoolSnapshot[] {
  const state = endpoint.isReachable ? 'up' : 'down';
  return endpoint.snapshot().map((row): PoolSnapshot => {
    const shown = endpoint.key === lastUsable ? withLobby(row, lobby, row.lane) : row;
    return { cluster, endpoint: endpoint.key, state, ...shown };
  });
}

function withLobby(row: LaneSnapshot, lobby: Lobby, lane: LaneSnapshot['lane']): LaneSnapshot {
  if (lane !== 'ordinary' && lane !== 'await') return row;
  return {
    ...row,
    waiters: row.waiters + lobby.size(lane),
    longestWaitMs: Math.max(row.longestWaitMs, lobby.longestWaitMs(lane)),
  };
}

function monitorRow(monitor: Monitor | undefined): LaneSnapshot {
  const row = emptyRow('monitor', 1);
  if (monitor === undefined) return row;
  const { connections, connects, closed } = monitor;
  return { ...row, idle: connections, connects, closed: Object.fromEntries(closed.counts) };
}

function emptyRow(lane: LaneSnapshot['lane'], maxConnections: number): LaneSnapshot {
  return {
    lane,
    maxConnections,
    idle: 0,
    busy: 0,
    connecting: 0,
    waiters: 0,
    longestWaitMs: 0,
    checkouts: 0,
    waits: null,
    connects: 0,
    closed: {},
  };
}
