// What a new upstream connection says before it serves: weir's own hello, with its own metadata, once (protocol.md 3.1),
// and what a login may add (login/). It opens nothing. Invariant: never claims internalClient.

import { type BsonDocument, encodeMessage, Int32, type ReplyView } from '../../codecs/index.ts';

/** What follows a reply. */
export type HandshakeStep =
  | { readonly kind: 'send'; encode(requestId: number): Buffer }
  | { readonly kind: 'done' }
  /** `detail` holds no text of the server's that could name a user. */
  | { readonly kind: 'failed'; readonly reason: 'handshake_failed' | 'login_failed'; readonly detail: string };

/** One connection's handshake; the connection matches replies by their ids and knows nothing of their meaning. */
export interface Handshake {
  /** The first message, a hello. */
  start(requestId: number): Buffer;
  /** Calls `proceed` exactly once, at once or later. The first reply is that of the hello, and has ok: 1. */
  onReply(reply: ReplyView, proceed: (step: HandshakeStep) => void): void;
}

/** Nothing but the hello. */
export function helloOnly(start: (requestId: number) => Buffer): Handshake {
  return { start, onReply: (_reply, proceed) => proceed({ kind: 'done' }) };
}

export interface WeirIdentity {
  readonly version: string;
  /** e.g. `Linux`. */
  readonly osType: string;
  /** e.g. `Node.js v20.19.0`. */
  readonly platform: string;
}

export interface HelloExtras {
  /** Asked for in this order. */
  readonly compressors?: readonly string[];
  /** Fields of a login that begins with the hello. */
  readonly login?: BsonDocument;
}

/** The first hello of a connection. `purpose` shows in the server's logs and currentOp as part of the app name. */
export function encodeFirstHello(
  identity: WeirIdentity,
  purpose: string,
  requestId: number,
  { compressors = [], login = {} }: HelloExtras = {},
): Buffer {
  const client: BsonDocument = {
    application: { name: `weir ${purpose}` },
    driver: { name: 'weir', version: identity.version },
    os: { type: identity.osType },
    platform: identity.platform,
  };
  const compression = compressors.length === 0 ? {} : { compression: [...compressors] };
  const hello = { hello: new Int32(1), helloOk: true, client, ...compression, ...login, $db: 'admin' };
  return encodeMessage(hello, requestId, 0);
}

/** Later hellos of the monitor: no metadata (186 otherwise). */
export function encodeHello(requestId: number): Buffer {
  return encodeMessage({ hello: new Int32(1), $db: 'admin' }, requestId, 0);
}

/** The fence behind a write that gets no reply. */
export function encodePing(requestId: number): Buffer {
  return encodeMessage({ ping: new Int32(1), $db: 'admin' }, requestId, 0);
}
