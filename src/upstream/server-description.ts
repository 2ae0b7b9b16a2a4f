// What a server said of itself in its hello: the facts weir passes on or decides by. Pure reading, no policy.

import { type BsonDocument, DecodeError, deserialize, ObjectId } from '../../codecs/index.ts';

export interface ServerDescription {
  /** Accepts writes: a primary, a standalone or a mongos. */
  readonly isWritable: boolean;
  readonly setName: string | null;
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
  const setName: unknown = hello['setName'];
  return {
    isWritable: hello['isWritablePrimary'] === true || hello['ismaster'] === true,
    setName: typeof setName === 'string' ? setName : null,
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

function tryDeserialize(body: Buffer): BsonDocument | null {
  try {
    return deserialize(body);
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
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
