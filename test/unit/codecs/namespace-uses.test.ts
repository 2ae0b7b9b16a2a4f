// What a command names beside its collection, how many statements it has, and which database it means.
// Does not try counting over operations: test/unit/stats does.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BsonDocument,
  type CommandView,
  encodeMessage,
  Frame,
  Int32,
  Long,
  MAX_USES,
  type NamespaceUse,
  readCommand,
  serialize,
} from '../../../codecs/index.ts';
import { check } from './check.ts';

const view = (document: BsonDocument, database = 'shop'): CommandView =>
  readCommand(Frame.of(encodeMessage({ ...document, $db: database }, 1, 0)));

/** `role database.collection xN` of each use. */
function shown(uses: readonly NamespaceUse[]): string[] {
  return uses.map(({ role, database, collection, statements }) => `${role} ${database}.${collection} x${statements}`);
}

const furtherOf = (pipeline: readonly unknown[]): string[] =>
  shown(view({ aggregate: 'orders', pipeline }).namespaces()).slice(1);

/** A pipeline that unions with `deep` at this depth. */
function nested(depth: number): BsonDocument[] {
  return depth === 0
    ? [{ $unionWith: 'deep' }]
    : [{ $lookup: { from: `level${depth}`, pipeline: nested(depth - 1), as: 'x' } }];
}

/** An OP_MSG with this body and these sequences in front of it. */
function withSequences(document: BsonDocument, sequences: Readonly<Record<string, readonly BsonDocument[]>>): Buffer {
  const body = Buffer.concat([Buffer.alloc(1), Buffer.from(serialize({ ...document, $db: 'admin' }))]);
  const parts = Object.entries(sequences).map(([name, documents]) => {
    const content = Buffer.concat([Buffer.from(`${name}\0`), ...documents.map((each) => Buffer.from(serialize(each)))]);
    const head = Buffer.alloc(5);
    head[0] = 1;
    head.writeInt32LE(content.length + 4, 1);
    return Buffer.concat([head, content]);
  });
  const message = Buffer.concat([Buffer.alloc(20), ...parts, body]);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(2013, 12);
  return message;
}

test('the stages of a pipeline name collections', () => {
  const cases: readonly (readonly [readonly unknown[], readonly string[]])[] = [
    [[{ $lookup: { from: 'users', localField: 'a', foreignField: 'b', as: 'c' } }], ['lookup shop.users x1']],
    [[{ $lookup: { from: { db: 'local', coll: 'oplog.rs' }, as: 'c' } }], ['lookup local.oplog.rs x1']],
    [[{ $lookup: { pipeline: [{ $documents: [] }], as: 'c' } }], []],
    [[{ $graphLookup: { from: 'staff', startWith: '$a' } }], ['graphLookup shop.staff x1']],
    [[{ $unionWith: 'old' }], ['unionWith shop.old x1']],
    [[{ $unionWith: { coll: 'old', pipeline: [{ $out: 'no' }] } }], ['unionWith shop.old x1', 'out shop.no x1']],
    [[{ $unionWith: { pipeline: [{ $documents: [] }] } }], []],
    [[{ $match: {} }, { $out: 'copy' }], ['out shop.copy x1']],
    [[{ $out: { db: 'archive', coll: 'copy' } }], ['out archive.copy x1']],
    [[{ $merge: 'copy' }], ['merge shop.copy x1']],
    [[{ $merge: { into: 'copy', on: '_id' } }], ['merge shop.copy x1']],
    [[{ $merge: { into: { db: 'archive', coll: 'copy' } } }], ['merge archive.copy x1']],
    [[{ $merge: { into: { coll: 'copy' } } }], ['merge shop.copy x1']],
    [
      [{ $facet: { a: [{ $lookup: { from: 'users', pipeline: nested(0), as: 'x' } }], b: [{ $unionWith: 'old' }] } }],
      ['lookup shop.users x1', 'unionWith shop.deep x1', 'unionWith shop.old x1'],
    ],
    [
      [{ $unionWith: 'old' }, { $unionWith: 'old' }, { $lookup: { from: 'old' } }],
      ['unionWith shop.old x2', 'lookup shop.old x1'],
    ],
    [[5, {}, { $lookup: 5 }, { $unionWith: 5 }, { $out: 5 }, { $merge: 5 }, { $merge: {} }, { $facet: 5 }], []],
    [[{ $lookup: { from: 5 } }, { $facet: { a: 5 } }, { $out: { db: 'x' } }, { $lookup: { from: '' } }], []],
    [[{ $project: { $lookup: { from: 'users' } } }], []],
  ];
  for (const [pipeline, expected] of cases) {
    assert.deepEqual(furtherOf(pipeline), expected, JSON.stringify(pipeline));
  }
});

test('nesting is followed to a depth, and one command names so many collections', () => {
  assert.ok(furtherOf(nested(19)).includes('unionWith shop.deep x1'));
  assert.equal(furtherOf(nested(20)).includes('unionWith shop.deep x1'), false);
  const many = Array.from({ length: 100 }, (_, index) => ({ $unionWith: `c${index}` }));
  const uses = view({ aggregate: 'orders', pipeline: many }).namespaces();
  assert.equal(uses.length, MAX_USES);
  assert.deepEqual(shown(uses).slice(-2), [
    `unionWith shop.c${MAX_USES - 3} x1`,
    `unionWith . x${100 - (MAX_USES - 2)}`,
  ]);
});

test('renames, outputs of mapReduce and what an explain would do', () => {
  const cases: readonly (readonly [BsonDocument, readonly string[]])[] = [
    [{ renameCollection: 'shop.a.b', to: 'archive.c' }, ['primary shop.a.b x0', 'rename_to archive.c x1']],
    [{ renameCollection: 'shop.a', to: 5 }, ['primary shop.a x0']],
    [{ renameCollection: 'shop.a' }, ['primary shop.a x0']],
    [{ mapReduce: 'a', out: 'b' }, ['primary admin.a x0', 'mapReduce_out admin.b x1']],
    [{ mapreduce: 'a', out: { merge: 'b', db: 'c' } }, ['primary admin.a x0', 'mapReduce_out c.b x1']],
    [{ mapReduce: 'a', out: { inline: 1 } }, ['primary admin.a x0']],
    [{ mapReduce: 'a', out: 5 }, ['primary admin.a x0']],
    [{ mapReduce: 'a' }, ['primary admin.a x0']],
    [{ explain: { aggregate: 'a', pipeline: [{ $out: 'b' }] } }, ['primary admin.a x0', 'out admin.b x1']],
    [{ explain: { mapreduce: 'a', out: 'b' } }, ['primary admin.a x0', 'mapReduce_out admin.b x1']],
    [{ explain: { find: 'a', out: 'b' } }, ['primary admin.a x0']],
    [{ explain: { aggregate: 1, pipeline: [] } }, ['primary admin.$cmd.aggregate x0']],
    [{ aggregate: 'a' }, ['primary admin.a x0']],
    [{ find: 'a' }, ['primary admin.a x0']],
    [{ dataSize: 'shop.a' }, ['primary shop.a x0']],
    [{ ping: 1 }, []],
  ];
  for (const [document, expected] of cases) {
    assert.deepEqual(shown(view(document, 'admin').namespaces()), expected, JSON.stringify(document));
  }
  assert.equal(view({ find: 'a' }).mayUseMore, false);
  assert.equal(view({ aggregate: 'a', pipeline: [] }).mayUseMore, true);
});

test('an explain has the name and the comment of what is inside', () => {
  const inner = { find: 'a', filter: { $comment: 'in the filter' } };
  assert.equal(view({ explain: inner }).explainedName, 'find');
  assert.equal(view({ explain: inner }).commentValue, 'in the filter');
  assert.equal(view({ explain: { ...inner, comment: 'inside' } }).commentValue, 'inside');
  assert.equal(view({ explain: { ...inner, comment: 'inside' }, comment: 'outside' }).commentValue, 'outside');
  assert.equal(view({ explain: { frobnicate: 1 } }).explainedName, 'frobnicate');
  assert.equal(view({ find: 'a' }).explainedName, '');
});

test('a bulkWrite is counted by collection and kind, from sequences and from arrays', () => {
  const nsInfo = [{ ns: 'shop.orders' }, { ns: 'shop.a.b' }, { ns: 'other.c' }];
  const ops = [
    { insert: new Int32(0), document: {} },
    { update: new Int32(1), filter: {} },
    { update: Long.fromNumber(1), filter: {} },
    { delete: 0, filter: {} },
    { insert: new Int32(7), document: {} },
    { upsert: new Int32(0) },
    {},
    { insert: 'x' },
  ];
  const expected = [
    { database: 'shop', collection: 'orders', role: 'bulkWrite', statements: 2, inserts: 1, updates: 0, deletes: 1 },
    { database: 'shop', collection: 'a.b', role: 'bulkWrite', statements: 2, inserts: 0, updates: 2, deletes: 0 },
    { database: 'other', collection: 'c', role: 'bulkWrite', statements: 0, inserts: 0, updates: 0, deletes: 0 },
  ];
  const arrays = view({ bulkWrite: 1, ops, nsInfo }, 'admin');
  assert.deepEqual(arrays.namespaces(), expected);
  assert.equal(arrays.statementCount, ops.length);
  const describe = (frame: Frame): unknown => {
    const { statementCount, collection, namespaceDatabase } = readCommand(frame);
    return JSON.parse(JSON.stringify([readCommand(frame).namespaces(), statementCount, collection, namespaceDatabase]));
  };
  check(withSequences({ bulkWrite: 1 }, { ops, nsInfo }), describe, [expected, ops.length, '', 'admin']);
  const single = readCommand(Frame.of(withSequences({ bulkWrite: 1 }, { ops, nsInfo: nsInfo.slice(0, 1) })));
  assert.deepEqual([single.namespaceDatabase, single.database, single.collection], ['shop', 'admin', 'orders']);
  assert.deepEqual(shown(single.namespaces()), ['bulkWrite shop.orders x2']);
});

test('a bulkWrite over more collections than are told apart keeps its sum', () => {
  const nsInfo = Array.from({ length: 50 }, (_, index) => ({ ns: `shop.c${index}` }));
  const ops = nsInfo.map((_, index) => ({ insert: new Int32(index), document: {} }));
  const uses = view({ bulkWrite: 1, ops, nsInfo }, 'admin').namespaces();
  assert.equal(uses.length, MAX_USES);
  assert.deepEqual(shown(uses).at(-1), `bulkWrite . x${50 - MAX_USES + 1}`);
  assert.equal(
    uses.reduce((sum, { inserts }) => sum + inserts, 0),
    50,
  );
});

test('what is malformed in a sequence is left to the server', () => {
  const message = withSequences(
    { bulkWrite: 1 },
    { ops: [{ insert: new Int32(0), document: {} }], nsInfo: [{ ns: 'a.b' }, { ns: 'a.c' }] },
  );
  const at = message.indexOf('ns\0', message.indexOf('nsInfo') + 7);
  message[at - 1] = 0x14;
  assert.deepEqual(shown(readCommand(Frame.of(message)).namespaces()), []);
});

test('the statements of a write are counted wherever they stand', () => {
  const three = [{ a: 1 }, { a: 2 }, { a: 3 }];
  const statements = [
    { q: {}, u: {} },
    { q: {}, u: {} },
  ];
  assert.equal(view({ insert: 'a', documents: three }).statementCount, 3);
  assert.equal(view({ insert: 'a' }).statementCount, 0);
  assert.equal(view({ insert: 'a', documents: 5 }).statementCount, 0);
  assert.equal(view({ update: 'a', updates: statements }).statementCount, 2);
  assert.equal(view({ delete: 'a', deletes: statements }).statementCount, 2);
  assert.equal(view({ find: 'a', documents: three }).statementCount, 0);
  const insert = readCommand(Frame.of(withSequences({ insert: 'a' }, { documents: three })));
  assert.equal(insert.statementCount, 3);
  assert.deepEqual(shown(insert.namespaces()), ['primary admin.a x3']);
  assert.equal(readCommand(Frame.of(withSequences({ insert: 'a' }, { documents: [] }))).statementCount, 0);
});

test('cursors of commands have names of their own', () => {
  const cursorOf = (collection: string): string => view({ getMore: Long.fromNumber(3), collection }).collection;
  assert.equal(cursorOf('$cmd.aggregate'), '$cmd.aggregate');
  assert.equal(cursorOf('$cmd.bulkWrite'), '$cmd.bulkWrite');
  assert.equal(cursorOf('$cmd.listCollections'), '$cmd.listCollections');
  assert.equal(cursorOf('$cmd.listIndexes.orders'), 'orders');
  const killed = view({ killCursors: '$cmd.aggregate', cursors: [Long.fromNumber(3)] });
  assert.deepEqual([killed.collection, killed.cursorIds], ['$cmd.aggregate', [3n]]);
});

test('names of users and roles are never taken for collections', () => {
  for (const name of ['createUser', 'updateUser', 'dropUser', 'grantRolesToUser', 'createRole', 'usersInfo', '$eval']) {
    assert.equal(view({ [name]: 'alice' }).collection, '', name);
  }
});
