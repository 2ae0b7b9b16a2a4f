// Obeys people (core/verbs.ts): finds the clusters and connections that they name and tells them what to do.
// It owns nothing and decides nothing about single operations. Invariant: a name that is not known changes nothing.

import type { ClusterState, DrainState, KilledClient, KilledOperation, VerbAnswer, Verbs } from './core/verbs.ts';
import { ClientConnection } from './downstream/client-connection.ts';
import type { DownstreamServer } from './downstream/server.ts';
import type { PassthroughConnection } from './passthrough/connection.ts';
import type { PassthroughServer } from './passthrough/server.ts';
import type { Cluster } from './upstream/cluster.ts';

export interface VerbSources {
  readonly clusters: readonly Cluster[];
  /** Clusters that are only passed through to: they have no pool. */
  readonly passedThrough: readonly string[];
  readonly servers: readonly DownstreamServer[];
  readonly passthroughServers: readonly PassthroughServer[];
  /** Begins the drain, or says how long the one that runs has left. */
  drain(timeoutMs: number | null): number;
}

type Connection = ClientConnection | PassthroughConnection;

export function createVerbs(sources: VerbSources): Verbs {
  return {
    pause: (name) => onClusters(sources, name, (cluster) => cluster.pause()),
    resume: (name) => onClusters(sources, name, (cluster) => cluster.resume()),
    reconnect: (name) => onClusters(sources, name, (cluster) => cluster.reconnect()),
    drain: (timeoutMs) => drain(sources, timeoutMs),
    killClient: (id) => killClient(sources, id),
    killOperation: (id) => killOperation(sources, id),
  };
}

function done<Value>(value: Value): VerbAnswer<Value> {
  return { kind: 'done', value };
}

function onClusters(
  sources: VerbSources,
  name: string | null,
  tell: (cluster: Cluster) => void,
): VerbAnswer<readonly ClusterState[]> {
  const { clusters, passedThrough } = sources;
  const named = clusters.filter((cluster) => name === null || cluster.name === name);
  if (named.length > 0) {
    for (const cluster of named) tell(cluster);
    return done(named.map(stateOf));
  }
  if (name === null || passedThrough.includes(name)) {
    const which = name === null ? 'everything is' : `cluster '${name}' is`;
    return { kind: 'conflict', sentence: `${which} passed through and has no pool; this verb needs mode pool` };
  }
  const names = clusters.map((cluster) => cluster.name).join(', ');
  return { kind: 'not_found', sentence: `there is no cluster '${name}'; there are: ${names}` };
}

function stateOf(cluster: Cluster): ClusterState {
  const waiters = cluster.snapshot().reduce((sum, pool) => sum + pool.waiters, 0);
  return { cluster: cluster.name, isPaused: cluster.isPaused, waiters, connections: cluster.upstreamConnections };
}

function drain(sources: VerbSources, timeoutMs: number | null): VerbAnswer<DrainState> {
  // Idle ones are gone at once.
  const clients = allServers(sources).reduce((sum, server) => sum + server.connections.size, 0);
  const leftMs = sources.drain(timeoutMs);
  return done({ clients, leftMs });
}

function allServers({ servers, passthroughServers }: VerbSources): readonly (DownstreamServer | PassthroughServer)[] {
  return [...servers, ...passthroughServers];
}

function findClient(sources: VerbSources, id: number): Connection | null {
  for (const { connections } of allServers(sources)) {
    for (const connection of connections) if (connection.id === id) return connection;
  }
  return null;
}

function noClient(id: number): VerbAnswer<never> {
  return { kind: 'not_found', sentence: `there is no client ${id}; weir show clients lists them` };
}

function killClient(sources: VerbSources, id: number): VerbAnswer<KilledClient> {
  const connection = findClient(sources, id);
  if (connection === null) return noClient(id);
  const { address, app } = connection.snapshot();
  if (connection instanceof ClientConnection) connection.close('killed');
  else connection.destroy('killed');
  return done({ client: id, address, app });
}

function killOperation(sources: VerbSources, id: string): VerbAnswer<KilledOperation> {
  const [clientId = '', number = ''] = id.split('.');
  const connection = findClient(sources, Number(clientId));
  if (connection === null) return noClient(Number(clientId));
  if (!(connection instanceof ClientConnection)) {
    const sentence = `operation ${id} is passed through, not sent by weir; weir kill client ${clientId} ends its connection`;
    return { kind: 'conflict', sentence };
  }
  const { command = '', namespace = '' } = connection.current() ?? {};
  const how = connection.killOperation(Number(number));
  if (how === 'left_queue' || how === 'answered') return done({ operation: id, command, namespace, how });
  return REFUSED[how](id, clientId);
}

const REFUSED: Readonly<
  Record<'over' | 'answering' | 'unanswerable', (id: string, client: string) => VerbAnswer<never>>
> = {
  over: (id) => ({
    kind: 'not_found',
    sentence: `operation ${id} is over; weir show operations lists those in flight`,
  }),
  answering: (id) => ({ kind: 'conflict', sentence: `weir itself answers operation ${id}; it ends by itself` }),
  unanswerable: (id, client) => ({
    kind: 'conflict',
    sentence: `operation ${id} is a write that wants no answer, and it was sent; weir kill client ${client} ends its connection`,
  }),
};
