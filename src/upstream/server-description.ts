// What a server said of itself in its hello: the facts weir passes on or decides by. Pure reading, no policy.

import { type BsonDocument, DecodeError, deserialize, ObjectId } from '../../codecs/index.ts';
import type { EndpointKey } from './exchange.ts';
import { endpointKey, readServerAddress } from './server-address.ts';

/** Members that one answer may name; a replica set has 50 at most. */
const MAX_HOSTS = 100;

/** What it is, in SDAM's order of tests (protocol.md 2.4); `other`: hidden, starting, or in a state that serves nobody. */
export type ServerType = 'ghost' | 'mongos' | 'primary' | 'secondary' | 'arbiter' | 'other' | 'standalone';

export interface ServerDescription {
  readonly type: ServerType;
  /** Accepts writes: a primary, a standalone or a mongos. */
  readonly isWritable: boolean;
  readonly setName: string | null;
  /** Its own name for itself; null if it says none. */
  readonly me: EndpointKey | null;
  /** Hosts, passives and arbiters together; empty if it names none. */
  readonly hosts: readonly EndpointKey[];
  readonly setVersion: number | null;
  /** As hex, so that later ones compare greater. */
  readonly electionId: string | null;
  readonly minWireVersion: number;
  readonly maxWireVersion: number;
  readonly maxBsonObjectSize: number;
  readonly maxMessageSizeBytes: number;
  readonly maxWriteBatchSize: number;
  readonly logicalSessionTimeoutMinutes: number | null;
  /** topologyVersion.processId as hex; '' if the server sends none. Another value means another process. */
  readonly processId: string;
}

/** Reads the body of a hello reply; null when it is not ok, or not BSON all the way down. */
export function readServerDescription(body: Buffer): ServerDescription | null {
  const hello = tryDeserialize(body);
  if (hello === null || Number(hello['ok']) !== 1) return null;
  const isWritable = hello['isWritablePrimary'] === true || hello['ismaster'] === true;
  const electionId: unknown = hello['electionId'];
  return {
    type: readType(hello, isWritable),
    isWritable,
    setName: textOrNull(hello['setName']),
    me: readMe(hello['me']),
    hosts: [...readHosts(hello['hosts']), ...readHosts(hello['passives']), ...readHosts(hello['arbiters'])],
    setVersion: typeof hello['setVersion'] === 'number' ? hello['setVersion'] : null,
    electionId: electionId instanceof ObjectId ? electionId.toHexString() : null,
    minWireVersion: numberOr(hello['minWireVersion'], 0),
    maxWireVersion: numberOr(hello['maxWireVersion'], 0),
    maxBsonObjectSize: numberOr(hello['maxBsonObjectSize'], 16_777_216),
    maxMessageSizeBytes: numberOr(hello['maxMessageSizeBytes'], 48_000_000),
    maxWriteBatchSize: numberOr(hello['maxWriteBatchSize'], 100_000),
    logicalSessionTimeoutMinutes:
      typeof hello['logicalSessionTimeoutMinutes'] === 'number' ? hello['logicalSessionTimeoutMinutes'] : null,
    processId: readProcessId(hello),
  };
}

function readType(hello: BsonDocument, isWritable: boolean): ServerType {
  if (hello['isreplicaset'] === true) return 'ghost';
  if (hello['msg'] === 'isdbgrid') return 'mongos';
  if (textOrNull(hello['setName']) === null) return 'standalone';
  if (hello['hidden'] === true) return 'other';
  if (isWritable) return 'primary';
  if (hello['secondary'] === true) return 'secondary';
  return hello['arbiterOnly'] === true ? 'arbiter' : 'other';
}

function readHosts(value: unknown): EndpointKey[] {
  if (!Array.isArray(value)) return [];
  const keys: EndpointKey[] = [];
  for (const text of (value as readonly unknown[]).slice(0, MAX_HOSTS)) {
    const address = typeof text === 'string' ? readServerAddress(text) : null;
    if (address !== null) keys.push(endpointKey(address));
  }
  return keys;
}

function readMe(value: unknown): EndpointKey | null {
  const address = typeof value === 'string' ? readServerAddress(value) : null;
  return address === null ? null : endpointKey(address);
}

function tryDeserialize(body: Buffer): BsonDocument | null {
  try {
    return deserialize(body);
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : fallback;
}

function readProcessId(hello: BsonDocument): string {
  const version: unknown = hello['topologyVersion'];
  if (typeof version !== 'object' || version === null) return '';
  const processId: unknown = (version as Record<string, unknown>)['processId'];
  return processId instanceof ObjectId ? processId.toHexString() : '';
}
