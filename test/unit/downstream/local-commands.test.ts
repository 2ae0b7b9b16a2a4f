// Commands that weir answers itself or refuses, in both opcodes, and those that go on.
// hello is greeter.test.ts. Invariant tested: nothing about the connection or a login reaches the server.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, BsonView } from '../../../codecs/index.ts';
import { startRig } from '../../support/rig.ts';
import { FLAG, inTransaction, session } from '../../support/test-client.ts';

const ANSWERED: readonly (readonly [command: BsonDocument, answer: BsonDocument])[] = [
  [{ ping: 1 }, { ok: 1 }],
  [{ logout: 1 }, { ok: 1 }],
  [{ connectionStatus: 1 }, { authInfo: { authenticatedUsers: [], authenticatedUserRoles: [] }, ok: 1 }],
  [
    { connectionStatus: 1, showPrivileges: true },
    { authInfo: { authenticatedUsers: [], authenticatedUserRoles: [], authenticatedUserPrivileges: [] }, ok: 1 },
  ],
];

const REFUSED: readonly (readonly [command: BsonDocument, code: number, codeName: string])[] = [
  [{ saslStart: 1, mechanism: 'SCRAM-SHA-256', payload: 'n,,n=me' }, 18, 'AuthenticationFailed'],
  [{ saslContinue: 1, conversationId: 1 }, 18, 'AuthenticationFailed'],
  [{ authenticate: 1, mechanism: 'MONGODB-X509' }, 18, 'AuthenticationFailed'],
  [{ getnonce: 1 }, 59, 'CommandNotFound'],
  [{ getLastError: 1 }, 59, 'CommandNotFound'],
  [{ getlasterror: 1 }, 59, 'CommandNotFound'],
  [{ resetError: 1 }, 59, 'CommandNotFound'],
  [{ reseterror: 1 }, 59, 'CommandNotFound'],
  [{ getPrevError: 1 }, 59, 'CommandNotFound'],
  [{ replSetGetStatus: 1 }, 59, 'CommandNotFound'],
  [{ replSetStepDown: 60 }, 59, 'CommandNotFound'],
  [{ replSetReconfig: {} }, 59, 'CommandNotFound'],
  [{ _configsvrAddShard: 'x' }, 59, 'CommandNotFound'],
  [{ _shardsvrDropCollection: 'x' }, 59, 'CommandNotFound'],
];

describe('answered here', () => {
  for (const [command, answer] of ANSWERED) {
    test(JSON.stringify(command), () => {
      const rig = startRig();
      const client = rig.app('shop');
      client.send({ ...command, $db: 'admin' });
      assert.deepEqual(client.last, answer);
      assert.equal(rig.server.requests.length, 0);
    });
  }

  test('whatsmyuri says where the client is seen', () => {
    const rig = startRig();
    const client = rig.app('shop', '10.1.2.3');
    client.send({ whatsmyuri: 1, $db: 'admin' });
    assert.deepEqual(client.last, { you: `10.1.2.3:${client.socket.remotePort}`, ok: 1 });
  });
});

describe('refused here', () => {
  for (const [command, code, codeName] of REFUSED) {
    for (const opcode of ['OP_MSG', 'OP_QUERY'] as const) {
      test(`${Object.keys(command)[0]} as ${opcode}: ${code}`, () => {
        const rig = startRig();
        const client = rig.app('shop');
        if (opcode === 'OP_MSG') client.send({ ...command, $db: 'admin' });
        else client.query(command);
        assert.deepEqual([client.last['ok'], client.last['code'], client.last['codeName']], [0, code, codeName]);
        assert.equal(client.replies.at(-1)?.opcode, opcode === 'OP_MSG' ? 2013 : 1);
        assert.equal(client.isClosed, false);
        assert.equal(rig.server.requests.length, 0);
      });
    }
  }

  test('a login is told why, and nothing of it is repeated', () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send({ saslStart: 1, mechanism: 'PLAIN', payload: 'hunter2', $db: '$external' });
    assert.match(String(client.last['errmsg']), /logins are not supported yet/);
    assert.doesNotMatch(JSON.stringify(client.last), /hunter2|PLAIN/);
  });

  test('an error has the types that drivers read', () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send({ replSetGetStatus: 1, $db: 'admin' });
    const view = new BsonView(client.raw.at(-1)?.bytes.subarray(21) ?? Buffer.alloc(5));
    const types = [...view.elements()].map(({ name, type }) => [name, type]);
    assert.deepEqual(types, [
      ['ok', 1],
      ['errmsg', 2],
      ['code', 16],
      ['codeName', 2],
    ]);
  });
});

const SESSION_KILLS: readonly (readonly [
  name: 'killAllSessions' | 'killAllSessionsByPattern' | 'killSessions',
  value: unknown,
])[] = [
  ['killAllSessions', []],
  ['killAllSessions', [{ user: 'a', db: 'admin' }]],
  ['killAllSessionsByPattern', [{ lsid: session(1) }]],
  ['killSessions', []],
  ['killSessions', 1],
];

describe('what ends sessions of others', () => {
  for (const [name, value] of SESSION_KILLS) {
    const command = { [name]: value, $db: 'admin' };
    test(`${name}: ${JSON.stringify(value)} is refused with 13, as w: 0 it is dropped`, () => {
      const rig = startRig();
      const client = rig.app('shop');
      client.send(command);
      assert.deepEqual([client.last['ok'], client.last['code'], client.last['codeName']], [0, 13, 'Unauthorized']);
      const answers = client.replies.length;
      client.send(command, FLAG.moreToCome);
      assert.equal(client.replies.length, answers);
      assert.equal(rig.server.requests.length, 0);
    });

    test(`${name}: ${JSON.stringify(value)} goes on where it is allowed by its name, and only there`, () => {
      const rig = startRig({ listener: { allow: [name] } });
      const client = rig.app('shop');
      client.send(command);
      rig.answer(name);
      assert.equal(client.last['ok'], 1);
      const other = name === 'killSessions' ? 'killAllSessions' : 'killSessions';
      client.send({ [other]: [], $db: 'admin' });
      assert.equal(client.last['code'], 13);
    });
  }

  test('killSessions with ids goes on, and ends their transactions here too', () => {
    const rig = startRig();
    const [owner, killer] = [rig.app('shop'), rig.app('admin')];
    owner.send({ insert: 'a', ...inTransaction(session(1), 5, true) });
    rig.answer('insert', { n: 1 });
    assert.equal(rig.dispatcher.router.transactions.size, 1);
    killer.send({ killSessions: [session(1), session(2)], $db: 'admin' });
    assert.equal((rig.answer('killSessions').document['killSessions'] as unknown[]).length, 2);
    assert.equal(killer.last['ok'], 1);
    assert.equal(rig.dispatcher.router.transactions.size, 0);
  });
});

describe('in the face direct', () => {
  const rows: readonly (readonly [string, number, string])[] = [
    ['replSetGetStatus', 76, 'NoReplicationEnabled'],
    ['replSetStepDown', 76, 'NoReplicationEnabled'],
    ['_configsvrAddShard', 59, 'CommandNotFound'],
    ['_shardsvrDropCollection', 59, 'CommandNotFound'],
    ['getLastError', 59, 'CommandNotFound'],
  ];
  for (const [name, code, codeName] of rows) {
    test(`${name}: ${code}`, () => {
      const rig = startRig({ listener: { face: 'direct' } });
      const client = rig.app('shop');
      client.send({ [name]: 1, $db: 'admin' });
      assert.deepEqual([client.last['ok'], client.last['code'], client.last['codeName']], [0, code, codeName]);
      assert.equal(rig.server.requests.length, 0);
    });
  }
});

describe('passed on', () => {
  for (const name of [
    'buildInfo',
    'serverStatus',
    'frobnicate',
    'replaceAll',
    '_internal',
    'getParameter',
    'currentOp',
  ]) {
    test(name, () => {
      const rig = startRig();
      const client = rig.app('shop');
      client.send({ [name]: 1, $db: 'admin' });
      rig.answer(name, { version: '8.2.0' });
      assert.deepEqual(client.last, { ok: 1, version: '8.2.0' });
    });
  }

  test('buildInfo as OP_QUERY comes back as OP_REPLY', () => {
    const rig = startRig();
    const client = rig.app('shop');
    const id = client.query({ buildInfo: 1 });
    const request = rig.server.take('buildInfo');
    request.replyLegacy({ version: '8.2.0' });
    rig.settle();
    assert.deepEqual(client.replies.at(-1), { opcode: 1, responseTo: id, document: { ok: 1, version: '8.2.0' } });
  });
});

describe('an OP_QUERY', () => {
  for (const name of ['find', 'insert', 'frobnicate', 'getMore']) {
    test(`with ${name}: 352`, () => {
      const rig = startRig();
      const client = rig.app('shop');
      client.query(name === 'getMore' ? { getMore: 1n, collection: 'a' } : { [name]: 'a' }, 'shop.$cmd');
      assert.deepEqual([client.last['code'], client.last['codeName']], [352, 'UnsupportedOpQueryCommand']);
      assert.equal(client.replies.at(-1)?.opcode, 1);
      assert.equal(rig.server.requests.length, 0);
      assert.equal(rig.table.totals.active, 0);
    });
  }

  test('that is no command: queryFailure with $err', () => {
    const rig = startRig();
    const client = rig.app('shop');
    const id = client.query({ a: 1 }, 'shop.goods', 0);
    const frame = client.raw.at(-1);
    assert.equal(frame?.opcode, 1);
    assert.equal((frame?.bytes.readInt32LE(16) ?? 0) & 2, 2, 'the flag queryFailure');
    assert.equal(frame?.bytes.readInt32LE(32), 1, 'one document');
    assert.equal(frame?.responseTo, id);
    assert.deepEqual(Object.keys(client.last), ['$err', 'code', 'ok']);
    assert.deepEqual([client.last['code'], client.last['ok']], [5739101, 0]);
    assert.equal(client.isClosed, false);
  });
});
