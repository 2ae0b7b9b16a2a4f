// A small MongoDB conversation for captures: requests and replies over one scripted TCP connection.
// Invariant: the same options give the same bytes.

import { encodeMessage } from '../../codecs/index.ts';
import { ScriptedConnection, type ScriptedConnectionOptions } from './tcp-script.ts';

export interface MongoScriptOptions extends ScriptedConnectionOptions {
  readonly operations?: number;
  readonly startMs?: number;
  /** Milliseconds between a request and its reply. */
  readonly serverMs?: number;
  /** Bytes of the text in each reply's document. */
  readonly replyBytes?: number;
  readonly collection?: string;
  readonly withOpen?: boolean;
  readonly withClose?: boolean;
}

/** A find and its reply, `operations` times, 10 ms apart, after a hello. */
export function mongoScript(options: MongoScriptOptions = {}): ScriptedConnection {
  const startMs = options.startMs ?? 1_700_000_000_000;
  const connection = new ScriptedConnection(options);
  if (options.withOpen !== false) {
    connection.open(startMs);
    exchange(connection, { hello: 1, $db: 'admin', client: CLIENT }, { ok: 1, maxWireVersion: 21 }, 1, startMs);
  }
  let nowMs = startMs;
  for (let index = 0; index < (options.operations ?? 10); index++) {
    nowMs = startMs + 10 * (index + 1);
    const request = findRequest(options.collection ?? 'orders', index);
    exchange(connection, request, findReply(options.replyBytes ?? 100), index + 2, nowMs, options.serverMs ?? 3);
  }
  if (options.withClose !== false) connection.close(nowMs + 10);
  return connection;
}

const CLIENT = {
  application: { name: 'shop' },
  driver: { name: 'nodejs', version: '7.9.0' },
  os: { type: 'Linux' },
};

function findRequest(collection: string, index: number): Record<string, unknown> {
  return { find: collection, filter: { _id: index }, comment: `Site.${index % 3}`, $db: 'shop' };
}

function findReply(bytes: number): Record<string, unknown> {
  return { cursor: { id: 0, ns: 'shop.orders', firstBatch: [{ _id: 1, text: 'y'.repeat(bytes) }] }, ok: 1 };
}

// eslint-disable-next-line max-params -- a line of a script
function exchange(
  connection: ScriptedConnection,
  request: Record<string, unknown>,
  reply: Record<string, unknown>,
  id: number,
  nowMs: number,
  serverMs = 1,
): void {
  connection.send(true, encodeMessage(request, id, 0), nowMs);
  connection.send(false, encodeMessage(reply, 70_000 + id, id), nowMs + serverMs);
}
