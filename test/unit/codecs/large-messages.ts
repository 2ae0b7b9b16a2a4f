// Large messages and what a skimmer or condenser makes of them, in a form that can be compared with the whole message.
// Does not assert anything about their content. Invariant: every message of LARGE is larger than what is held whole.

import assert from 'node:assert/strict';
import { Condenser } from '../../../codecs/condenser.ts';
import {
  type BsonDocument,
  encodeMessage,
  encodeReply,
  Frame,
  Long,
  OPCODE,
  readAnyReply,
  readAnyRequest,
  readSkimmedReply,
  readSkimmedRequest,
  type SkimmedCounts,
  Skimmer,
  type SkimSide,
  serialize,
  type UnreadMessage,
} from '../../../codecs/index.ts';
import { cutAt, describeCommand, describeReply, outcomeOf } from './check.ts';

export type Description = Record<string, unknown>;

/** Offsets and the body's size differ, the checksum goes, and elements that are left out are not there to be seen. */
export function comparable(description: unknown): unknown {
  if (typeof description === 'string') return description;
  const kept = Object.entries(description as Description).filter(
    ([key]) => !/Start$|End$|EndsAt$|Offset$|^bodyBytes$|^checksumPresent$|^knownStatements$|^sequences$/.test(key),
  );
  return Object.fromEntries(kept);
}

export function condense(bytes: Buffer, cuts: readonly number[]): { frame: Frame; counts: SkimmedCounts } {
  const condenser = new Condenser(bytes.subarray(0, 16));
  for (const piece of cutAt(bytes.subarray(16), cuts)) condenser.write(piece, 0, piece.length);
  return { frame: condenser.finish(), counts: condenser.counts };
}

export function described(side: SkimSide, frame: Frame, counts: SkimmedCounts | null): unknown {
  return comparable(
    outcomeOf(
      (read) =>
        side === 'client'
          ? describeCommand(readSkimmedRequest(read, counts))
          : describeReply(readSkimmedReply(read, counts)),
      frame,
    ),
  );
}

export function plain(side: SkimSide, bytes: Buffer): unknown {
  return comparable(
    outcomeOf(
      (read) => (side === 'client' ? describeCommand(readAnyRequest(read)) : describeReply(readAnyReply(read))),
      Frame.of(Buffer.from(bytes)),
    ),
  );
}

export interface Skimmed {
  readonly seen: { readonly frame: Frame; readonly counts: SkimmedCounts | null }[];
  readonly unread: UnreadMessage[];
  /** Most bytes held between two chunks. */
  readonly most: number;
}

/** What a skimmer makes of one message in chunks of this size. */
export function skim(side: SkimSide, bytes: Buffer, chunkBytes: number): Skimmed {
  const seen: Skimmed['seen'] = [];
  const unread: UnreadMessage[] = [];
  let most = 0;
  const skimmer = new Skimmer(side, {
    onMessage: (frame, counts) => seen.push({ frame, counts }),
    onUnread: (message) => unread.push(message),
    onResync: () => assert.fail(),
    onEnd: () => assert.fail(),
  });
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    skimmer.push(bytes.subarray(at, at + chunkBytes));
    most = Math.max(most, skimmer.heldBytes);
  }
  assert.equal(skimmer.heldBytes, 0);
  return { seen, unread, most };
}

/** Bytes that a message is made of, with its length put in. */
export function message(opcode: number, ...parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(16), ...parts]);
  bytes.writeInt32LE(bytes.length, 0);
  bytes.writeInt32LE(77, 4);
  bytes.writeInt32LE(opcode, 12);
  return bytes;
}

export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};
export const body = (document: BsonDocument): Buffer => Buffer.concat([Buffer.from([0]), serialize(document)]);
export const text = (value: string): Buffer => Buffer.from(`${value}\0`);

export function sequence(name: string, documents: readonly BsonDocument[]): Buffer {
  const content = Buffer.concat([text(name), ...documents.map((document) => serialize(document))]);
  return Buffer.concat([Buffer.from([1]), int32(content.length + 4), content]);
}

export const times = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, i) => make(i));
export const FILLER: string = 'x'.repeat(1000);

export const LARGE: readonly (readonly [string, SkimSide, Buffer, Description])[] = [
  [
    'an insert with its documents in a sequence',
    'client',
    message(
      OPCODE.msg,
      int32(0),
      body({ insert: 'items', comment: 'here', $db: 'shop' }),
      sequence(
        'documents',
        times(500, (n) => ({ n, FILLER })),
      ),
    ),
    { name: 'insert', collection: 'items', database: 'shop', statementCount: 500, commentValue: 'here' },
  ],
  [
    'an insert with its documents in the body, and the database behind them',
    'client',
    encodeMessage(
      { insert: 'items', documents: times(300, (n) => ({ n, FILLER })), ordered: true, $db: 'shop' },
      77,
      0,
    ),
    { name: 'insert', collection: 'items', database: 'shop', statementCount: 300 },
  ],
  [
    'updates with a comment in the first condition, the sequence first',
    'client',
    message(
      OPCODE.msg,
      int32(2),
      sequence(
        'updates',
        times(200, (n) => ({ q: { _id: n, $comment: 'first' }, u: { $set: { FILLER } } })),
      ),
      body({ update: 'items', $db: 'shop' }),
    ),
    { name: 'update', moreToCome: true, statementCount: 200, commentValue: 'first', queryKind: 'primary_key' },
  ],
  [
    'deletes in an array',
    'client',
    encodeMessage(
      { delete: 'items', deletes: times(3000, (n) => ({ q: { n, $comment: 'old' }, limit: 1 })), $db: 'shop' },
      77,
      0,
    ),
    { name: 'delete', statementCount: 3000, commentValue: 'old', queryKind: 'scatter_get' },
  ],
  [
    'a bulkWrite over one namespace',
    'client',
    message(
      OPCODE.msg,
      int32(0),
      body({ bulkWrite: 1, $db: 'admin' }),
      sequence(
        'ops',
        times(200, () => ({ insert: 0, document: { FILLER } })),
      ),
      sequence('nsInfo', [{ ns: 'shop.items' }]),
    ),
    { name: 'bulkWrite', collection: 'items', statementCount: 200 },
  ],
  [
    'a find with an enormous $in',
    'client',
    encodeMessage(
      { find: 'items', filter: { _id: { $in: times(20_000, (n) => n) } }, comment: 'all of them', $db: 'shop' },
      77,
      0,
    ),
    { name: 'find', collection: 'items', commentValue: 'all of them' },
  ],
  [
    'an aggregate whose later stages are large',
    'client',
    encodeMessage(
      {
        aggregate: 'items',
        pipeline: [{ $match: { $comment: 'stage' } }, { $project: { a: 'y'.repeat(90_000) } }],
        cursor: {},
        $db: 'shop',
      },
      77,
      0,
    ),
    { name: 'aggregate', collection: 'items', commentValue: 'stage' },
  ],
  [
    'an explain of something large',
    'client',
    encodeMessage(
      { explain: { update: 'items', updates: times(100, () => ({ q: {}, u: { FILLER } })) }, $db: 'shop' },
      77,
      0,
    ),
    { name: 'explain', collection: 'items' },
  ],
  [
    'an OP_QUERY command in its wrapper',
    'client',
    message(
      OPCODE.query,
      int32(0),
      text('shop.$cmd'),
      int32(0),
      int32(-1),
      serialize({ $query: { insert: 'items', documents: times(100, () => ({ FILLER })) }, $comment: 'old' }),
    ),
    { name: 'insert', collection: 'items', database: 'shop', statementCount: 100, commentValue: 'old' },
  ],
  [
    'an OP_INSERT',
    'client',
    message(OPCODE.insert, int32(0), text('shop.items'), ...times(100, () => serialize({ FILLER }))),
    { name: 'OP_INSERT', collection: 'items', statementCount: 100 },
  ],
  [
    'an OP_UPDATE',
    'client',
    message(
      OPCODE.update,
      int32(0),
      text('shop.items'),
      int32(0),
      serialize({ _id: 1, $comment: 'up' }),
      serialize({ a: 'z'.repeat(100_000) }),
    ),
    { name: 'OP_UPDATE', collection: 'items', commentValue: 'up', queryKind: 'primary_key' },
  ],
  [
    'a first batch',
    'server',
    encodeMessage(
      {
        cursor: { firstBatch: times(3000, (n) => ({ n, a: 'small' })), id: Long.fromBigInt(9n), ns: 'shop.items' },
        ok: 1,
      },
      77,
      3,
    ),
    { ok: true, batchCount: 3000, cursorId: '9', cursorNamespace: 'shop.items' },
  ],
  [
    'a last batch with its id in front',
    'server',
    encodeMessage(
      { cursor: { id: Long.fromBigInt(0n), ns: 'shop.items', nextBatch: times(200, () => ({ FILLER })) }, ok: 1 },
      77,
      3,
    ),
    { ok: true, batchCount: 200, hasOpenCursor: false },
  ],
  [
    'write errors',
    'server',
    encodeMessage(
      { n: 5, writeErrors: times(900, (index) => ({ index, code: 11000, errmsg: FILLER.slice(0, 100) })), ok: 1 },
      77,
      3,
    ),
    { ok: true, n: 5, writeErrorCount: 900, firstWriteErrorCode: 11000 },
  ],
  [
    'an OP_REPLY that answers a command',
    'server',
    encodeReply(
      { cursor: { firstBatch: times(300, () => ({ FILLER })), id: Long.fromBigInt(4n), ns: 'shop.items' }, ok: 1 },
      77,
      3,
    ),
    { ok: true, batchCount: 300, cursorId: '4' },
  ],
  [
    'an OP_REPLY full of documents',
    'server',
    message(
      OPCODE.reply,
      int32(8),
      Buffer.from([6, 0, 0, 0, 0, 0, 0, 0]),
      int32(0),
      int32(100),
      ...times(100, (n) => serialize({ n, FILLER })),
    ),
    { ok: true, batchCount: 100, cursorId: '6' },
  ],
];
