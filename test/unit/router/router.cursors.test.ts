// Who may go on with a cursor, who may kill it, and who is told that it does not exist.
// What happens when clients leave is clean-up.test.ts. Invariants tested: the owner is the session, without one the
// address and the identical `client` document, never the connection; a stranger learns nothing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, BsonView, Int32, Long } from '../../../codecs/index.ts';
import { type Rig, startRig } from '../../support/rig.ts';
import { batchReply, clientDocument, cursorReply, session, type TestClient } from '../../support/test-client.ts';

const ID = 0x1234_5678_9abcn;

/** Opens cursor ID on `goods` by this client. */
function open(rig: Rig, client: TestClient, extra: BsonDocument = {}): void {
  client.send({ find: 'goods', ...extra });
  rig.answer('find', cursorReply(ID, 'goods', [{ a: 1 }]));
  assert.equal(client.last['ok'], 1);
}

interface GetMoreRow {
  readonly what: string;
  /** Extra fields of the find. */
  readonly opened: BsonDocument;
  readonly asker: (rig: Rig) => TestClient;
  readonly asked: BsonDocument;
  readonly isOwner: boolean;
}

const sameProcess = (rig: Rig): TestClient => rig.app('shop', '10.0.0.1');
const GET_MORES: readonly GetMoreRow[] = [
  {
    what: 'its lsid, another connection',
    opened: { lsid: session(1) },
    asker: sameProcess,
    asked: { lsid: session(1) },
    isOwner: true,
  },
  {
    what: 'its lsid, another address and application',
    opened: { lsid: session(1) },
    asker: (rig) => rig.app('other', '10.0.0.9'),
    asked: { lsid: session(1) },
    isOwner: true,
  },
  {
    what: 'another lsid',
    opened: { lsid: session(1) },
    asker: sameProcess,
    asked: { lsid: session(2) },
    isOwner: false,
  },
  {
    what: 'no lsid, though it was opened with one',
    opened: { lsid: session(1) },
    asker: sameProcess,
    asked: {},
    isOwner: false,
  },
  {
    what: 'an lsid, though it was opened without',
    opened: {},
    asker: sameProcess,
    asked: { lsid: session(1) },
    isOwner: false,
  },
  { what: 'no lsid, same address and client document', opened: {}, asker: sameProcess, asked: {}, isOwner: true },
  {
    what: 'no lsid, another address',
    opened: {},
    asker: (rig) => rig.app('shop', '10.0.0.2'),
    asked: {},
    isOwner: false,
  },
  {
    what: 'no lsid, another application',
    opened: {},
    asker: (rig) => rig.app('shop2', '10.0.0.1'),
    asked: {},
    isOwner: false,
  },
  {
    what: 'no lsid, a client document that differs in one field',
    opened: {},
    asker: (rig) => {
      const client = rig.connectClient('10.0.0.1');
      client.hello('shop', { client: { ...clientDocument('shop'), platform: 'x' } });
      return client;
    },
    asked: {},
    isOwner: false,
  },
  { what: 'no lsid, no hello', opened: {}, asker: (rig) => rig.connectClient('10.0.0.1'), asked: {}, isOwner: false },
];

describe('a getMore', () => {
  for (const { what, opened, asker, asked, isOwner } of GET_MORES) {
    test(`with ${what}: ${isOwner ? 'goes on' : '43'}`, () => {
      const rig = startRig();
      open(rig, rig.app('shop', '10.0.0.1'), opened);
      const client = asker(rig);
      client.send({ getMore: ID, collection: 'goods', ...asked });
      assert.equal(rig.server.open('getMore').length, isOwner ? 1 : 0);
      if (isOwner) {
        rig.answer('getMore', batchReply(0, 'goods'));
        assert.equal(client.last['ok'], 1);
      } else {
        assert.equal(client.last['code'], 43);
        assert.equal(client.last['codeName'], 'CursorNotFound');
        assert.equal(client.last['errmsg'], `cursor id ${ID} not found`);
        assert.equal(rig.dispatcher.router.cursors.size, 1, 'the owner keeps it');
      }
    });
  }

  test('of a cursor nobody opened: 43, the same words as for a stranger', () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send({ getMore: 77n, collection: 'goods' });
    assert.deepEqual(client.last, { ok: 0, errmsg: 'cursor id 77 not found', code: 43, codeName: 'CursorNotFound' });
  });

  const ENDS: readonly (readonly [what: string, answer: BsonDocument, left: number])[] = [
    ['a batch with the same id', batchReply(ID, 'goods'), 1],
    ['a batch with id 0', batchReply(0, 'goods'), 0],
    ['43, it is gone', { ok: 0, code: 43, errmsg: 'x' }, 0],
    ['11601, it was interrupted', { ok: 0, code: 11601, errmsg: 'x' }, 0],
    ['50, its time was up', { ok: 0, code: 50, errmsg: 'x' }, 1],
    ['143, it is in use', { ok: 0, code: 143, errmsg: 'x' }, 1],
    ['462, the server is overloaded', { ok: 0, code: 462, errmsg: 'x' }, 1],
  ];
  for (const [what, answer, left] of ENDS) {
    test(`answered with ${what}: the cursor ${left === 0 ? 'ends' : 'lives'}`, () => {
      const rig = startRig();
      const client = rig.app('shop');
      open(rig, client);
      client.send({ getMore: ID, collection: 'goods' });
      rig.answer('getMore', answer);
      assert.equal(rig.dispatcher.router.cursors.size, left);
    });
  }

  test('is charged to the call site that opened the cursor', () => {
    const rig = startRig();
    const client = rig.app('shop');
    open(rig, client, { comment: 'listGoods', lsid: session(1) });
    client.send({ getMore: ID, collection: 'goods', lsid: session(1), comment: 'somethingElse' });
    rig.answer('getMore', batchReply(0, 'goods'));
    const row = rig.table.rows().find((candidate) => candidate.command === 'getMore');
    assert.equal(row?.callSite, 'listGoods');
  });

  test('of a stranger is not charged to the owner', () => {
    const rig = startRig();
    open(rig, rig.app('shop'), { comment: 'listGoods', lsid: session(1) });
    rig.app('other').send({ getMore: ID, collection: 'goods', lsid: session(2) });
    const row = rig.table.rows().find((candidate) => candidate.command === 'getMore');
    assert.equal(row?.callSite, '-');
  });
});

interface KillRow {
  readonly what: string;
  readonly opened: BsonDocument;
  readonly asker: (rig: Rig) => TestClient;
  readonly asked: BsonDocument;
  readonly isKilled: boolean;
}

const KILLS: readonly KillRow[] = [
  {
    what: "the opener's lsid",
    opened: { lsid: session(1) },
    asker: (rig) => rig.app('x', '10.0.0.9'),
    asked: { lsid: session(1) },
    isKilled: true,
  },
  {
    what: "no lsid, the opener's process",
    opened: { lsid: session(1) },
    asker: sameProcess,
    asked: {},
    isKilled: true,
  },
  { what: 'no lsid, opened without', opened: {}, asker: sameProcess, asked: {}, isKilled: true },
  {
    what: 'no lsid, another process',
    opened: { lsid: session(1) },
    asker: (rig) => rig.app('x', '10.0.0.1'),
    asked: {},
    isKilled: false,
  },
  {
    what: 'another lsid, the same process',
    opened: { lsid: session(1) },
    asker: sameProcess,
    asked: { lsid: session(2) },
    isKilled: false,
  },
  { what: 'an lsid, opened without one', opened: {}, asker: sameProcess, asked: { lsid: session(2) }, isKilled: false },
];

describe('a killCursors', () => {
  for (const { what, opened, asker, asked, isKilled } of KILLS) {
    test(`with ${what}: ${isKilled ? 'goes on' : 'cursorsNotFound'}`, () => {
      const rig = startRig();
      open(rig, rig.app('shop', '10.0.0.1'), opened);
      const client = asker(rig);
      client.send({ killCursors: 'goods', cursors: [ID], ...asked });
      assert.equal(rig.server.open('killCursors').length, isKilled ? 1 : 0);
      assert.equal(rig.dispatcher.router.cursors.size, 1, 'a kill that does not arrive ends nothing');
      if (isKilled) {
        rig.answer('killCursors', { cursorsKilled: [ID] });
        assert.equal(rig.dispatcher.router.cursors.size, 0);
        return;
      }
      assert.deepEqual(client.last, {
        cursorsKilled: [],
        cursorsNotFound: [Number(ID)],
        cursorsAlive: [],
        cursorsUnknown: [],
        ok: 1,
      });
    });
  }

  test('of own ones passes the bytes on', () => {
    const rig = startRig();
    const client = rig.app('shop');
    open(rig, client, { lsid: session(1) });
    client.send({ killCursors: 'goods', cursors: [ID], lsid: session(1), comment: 'c' });
    const request = rig.answer('killCursors', { cursorsKilled: [ID], cursorsNotFound: [] });
    assert.deepEqual(Object.keys(request.document), ['killCursors', 'cursors', 'lsid', 'comment', '$db']);
    assert.deepEqual(client.last['cursorsKilled'], [Number(ID)]);
  });

  test("of own and strangers' ones: each is answered for, only own ones are sent", () => {
    const rig = startRig();
    const [owner, other] = [rig.app('shop', '10.0.0.1'), rig.app('shop', '10.0.0.2')];
    for (const [id, client] of [
      [1n, owner],
      [2n, other],
      [3n, owner],
    ] as const) {
      client.send({ find: 'goods' });
      rig.answer('find', cursorReply(id, 'goods'));
    }
    owner.send({ killCursors: 'goods', cursors: [1n, 2n, 3n, 99n] });
    const sent = rig.server.take('killCursors');
    assert.deepEqual(sent.document['cursors'], [1, 3]);
    sent.reply({ cursorsKilled: [1n], cursorsNotFound: [3n], cursorsAlive: [], cursorsUnknown: [] });
    rig.settle();
    assert.equal(owner.last['ok'], 1);
    assert.deepEqual(owner.last['cursorsKilled'], [1]);
    assert.deepEqual(owner.last['cursorsNotFound'], [3, 2, 99]);
    assert.equal(rig.dispatcher.router.cursors.size, 1);
    other.send({ getMore: 2n, collection: 'goods' });
    assert.equal(rig.server.open('getMore').length, 1, "the stranger's cursor lives");
  });

  test('of own and strangers in a transaction keeps the types of its fields', () => {
    const rig = startRig();
    const client = rig.app('shop');
    const lsid = session(1);
    open(rig, client, { lsid });
    client.send({
      killCursors: 'goods',
      cursors: [ID, 99n],
      lsid,
      txnNumber: Long.fromNumber(5),
      autocommit: false,
      int: new Int32(7),
    });
    assert.deepEqual(typesOf(rig.server.take('killCursors').body), {
      killCursors: 2,
      cursors: 4,
      lsid: 3,
      txnNumber: 18,
      autocommit: 8,
      int: 16,
      $db: 2,
    });
  });

  test("of own and strangers' ones without a reply costs no connection", () => {
    const rig = startRig();
    const client = rig.app('shop');
    open(rig, client);
    client.send({ killCursors: 'goods', cursors: [ID, 99n] }, 2);
    const request = rig.server.open('killCursors')[0];
    if (request?.moreToCome === false) request.reply({ cursorsKilled: [ID] });
    for (const ping of rig.server.open('ping')) ping.reply({});
    rig.settle();
    assert.equal(client.replies.length, 2, 'hello and find');
    assert.equal(rig.cluster.closedFor('response_mismatch'), 0);
    client.send({ find: 'goods' });
    assert.equal(rig.server.open('find').length, 1);
  });

  test('goes before waiting work', () => {
    const rig = startRig({ pool: { maxConnections: 1 } });
    const client = rig.app('shop');
    open(rig, client);
    for (const name of ['a', 'b', 'c']) rig.app('busy').send({ count: name });
    client.send({ killCursors: 'goods', cursors: [ID] });
    rig.answer('count', { n: 1 });
    assert.equal(rig.server.open('killCursors').length, 1);
  });
});

/** BSON types of a document's fields by name. */
function typesOf(body: Buffer): Record<string, number> {
  return Object.fromEntries([...new BsonView(body).elements()].map(({ name, type }) => [name, type]));
}
