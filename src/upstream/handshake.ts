// weir's own hello, sent first on every upstream connection: each gets its own metadata, once (protocol.md 3.1).
// It opens nothing and reads nothing. Invariant: never claims internalClient.

import { type BsonDocument, encodeMessage, Int32 } from '../../codecs/index.ts';

export interface WeirIdentity {
  readonly version: string;
  /** e.g. `Linux`. */
  readonly osType: string;
  /** e.g. `Node.js v20.19.0`. */
  readonly platform: string;
}

/**
 * The first hello of a connection. `purpose` shows in the server's logs and currentOp as part of the app name;
 * `compressors` are asked for, in this order.
 */
export function encodeFirstHello(
  identity: WeirIdentity,
  purpose: string,
  requestId: number,
  compressors: readonly string[] = [],
): Buffer {
  const client: BsonDocument = {
    application: { name: `weir ${purpose}` },
    driver: { name: 'weir', version: identity.version },
    os: { type: identity.osType },
    platform: identity.platform,
  };
  const compression = compressors.length === 0 ? {} : { compression: [...compressors] };
  return encodeMessage({ hello: new Int32(1), helloOk: true, client, ...compression, $db: 'admin' }, requestId, 0);
}

/** Later hellos of the monitor: no metadata (186 otherwise). */
export function encodeHello(requestId: number): Buffer {
  return encodeMessage({ hello: new Int32(1), $db: 'admin' }, requestId, 0);
}

/** The fence behind a write that gets no reply. */
export function encodePing(requestId: number): Buffer {
  return encodeMessage({ ping: new Int32(1), $db: 'admin' }, requestId, 0);
}
