// hello and isMaster in all their forms, through the whole proxy: the answer's fields and types, the opcode it comes in,
// the wait before the first contact, and what is said while no upstream is reachable.
// Invariants tested: the upstream's wire version, no topologyVersion, nothing of logins or compression, never an error
// because of an upstream.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, BsonView } from '../../../codecs/index.ts';
import { makeRig, startRig } from '../../support/rig.ts';
import { clientDocument, FLAG, type TestClient } from '../../support/test-client.ts';

const FIELDS = [
  'msg',
  'maxBsonObjectSize',
  'maxMessageSizeBytes',
  'maxWriteBatchSize',
  'localTime',
  'logicalSessionTimeoutMinutes',
  'connectionId',
  'minWireVersion',
  'maxWireVersion',
  'readOnly',
  'ok',
];

interface Form {
  readonly what: string;
  readonly ask: (client: TestClient) => number;
  readonly opcode: number;
  /** The field that says "writable", and helloOk where it was asked for. */
  readonly first: readonly string[];
}

const FORMS: readonly Form[] = [
  {
    what: 'hello, OP_MSG',
    ask: (client) => client.send({ hello: 1, $db: 'admin' }),
    opcode: 2013,
    first: ['isWritablePrimary'],
  },
  {
    what: 'isMaster, OP_MSG',
    ask: (client) => client.send({ isMaster: 1, $db: 'admin' }),
    opcode: 2013,
    first: ['ismaster'],
  },
  {
    what: 'ismaster, OP_MSG',
    ask: (client) => client.send({ ismaster: 1, helloOk: true, $db: 'admin' }),
    opcode: 2013,
    first: ['ismaster', 'helloOk'],
  },
  {
    what: 'isMaster, OP_QUERY',
    ask: (client) => client.query({ isMaster: 1, helloOk: true }),
    opcode: 1,
    first: ['ismaster', 'helloOk'],
  },
  { what: 'ismaster, OP_QUERY', ask: (client) => client.query({ ismaster: 1 }), opcode: 1, first: ['ismaster'] },
  {
    what: 'hello, OP_QUERY',
    ask: (client) => client.query({ hello: 1, helloOk: true }),
    opcode: 1,
    first: ['isWritablePrimary', 'helloOk'],
  },
  {
    what: 'isMaster wrapped in $query',
    ask: (client) => client.query({ $query: { isMaster: 1 }, $readPreference: { mode: 'secondary' } }),
    opcode: 1,
    first: ['ismaster'],
  },
  {
    what: 'on another database',
    ask: (client) => client.query({ isMaster: 1 }, 'shop.$cmd'),
    opcode: 1,
    first: ['ismaster'],
  },
  {
    what: 'exhaust and awaitable',
    ask: (client) =>
      client.send(
        { hello: 1, topologyVersion: { counter: 1n }, maxAwaitTimeMS: 10_000, $db: 'admin' },
        FLAG.exhaustAllowed,
      ),
    opcode: 2013,
    first: ['isWritablePrimary'],
  },
  {
    what: 'with everything a driver may ask for',
    ask: (client) =>
      client.send({
        hello: 1,
        helloOk: true,
        backpressure: '2',
        client: clientDocument('app'),
        compression: ['zstd', 'zlib'],
        loadBalanced: false,
        saslSupportedMechs: 'admin.me',
        speculativeAuthenticate: { saslStart: 1, mechanism: 'SCRAM-SHA-256', payload: 'x', db: 'admin' },
        apiVersion: '1',
        clientUpdate: {},
        $db: 'admin',
      }),
    opcode: 2013,
    first: ['isWritablePrimary', 'helloOk'],
  },
];

describe('a hello', () => {
  for (const { what, ask, opcode, first } of FORMS) {
    test(`${what}: answered in the opcode asked in`, () => {
      const rig = startRig();
      const client = rig.connectClient();
      const id = ask(client);
      const [answer] = client.replies;
      assert.equal(answer?.opcode, opcode);
      assert.equal(answer?.responseTo, id);
      assert.deepEqual(Object.keys(answer?.document ?? {}), [...first, ...FIELDS]);
      assert.equal(answer?.document['msg'], 'isdbgrid');
      assert.equal(answer?.document[first[0] ?? ''], true);
      assert.equal(client.replies.length, 1);
      assert.equal(rig.server.requests.length, 0, 'nothing of it goes on');
    });
  }

  test('has the types that drivers want', () => {
    const rig = startRig();
    const client = rig.connectClient();
    client.send({ hello: 1, $db: 'admin' });
    const view = new BsonView(client.raw[0]?.bytes.subarray(21) ?? Buffer.alloc(5));
    const types = Object.fromEntries([...view.elements()].map(({ name, type }) => [name, type]));
    const [double, text, boolean, date, int32] = [1, 2, 8, 9, 16];
    assert.deepEqual(types, {
      isWritablePrimary: boolean,
      msg: text,
      maxBsonObjectSize: int32,
      maxMessageSizeBytes: int32,
      maxWriteBatchSize: int32,
      localTime: date,
      logicalSessionTimeoutMinutes: int32,
      connectionId: int32,
      minWireVersion: int32,
      maxWireVersion: int32,
      readOnly: boolean,
      ok: double,
    });
    assert.equal(client.last['maxWireVersion'], 25);
    assert.deepEqual(client.last['localTime'], new Date(rig.clock.wallMs()));
  });

  test('says no session timeout where the server has none', () => {
    const rig = makeRig();
    rig.server.hello = { logicalSessionTimeoutMinutes: undefined };
    rig.cluster.start();
    rig.settle();
    const client = rig.connectClient();
    client.send({ hello: 1, $db: 'admin' });
    assert.equal('logicalSessionTimeoutMinutes' in client.last, false);
  });

  test('is counted, like any operation', () => {
    const rig = startRig();
    rig.app('shop');
    const row = rig.table.rows().find((candidate) => candidate.command === 'hello');
    assert.deepEqual([row?.app, row?.operations, row?.errors], ['shop', 1, 0]);
  });
});

describe('a hello that is refused', () => {
  const [version, waits] = [{ topologyVersion: { counter: 1n } }, { maxAwaitTimeMS: 10_000 }];
  const REFUSED: readonly (readonly [what: string, extra: BsonDocument, code: number, codeName: string])[] = [
    ['waits for news of what it does not name', waits, 51_760, 'Location51760'],
    ['names what it knows and no time to wait', version, 51_760, 'Location51760'],
    ["is another server's", { internalClient: { maxWireVersion: 25 } }, 13, 'Unauthorized'],
  ];
  for (const [what, extra, code, codeName] of REFUSED) {
    test(`because it ${what}: ${code}, and nothing of it is taken`, () => {
      const rig = startRig();
      const client = rig.connectClient();
      client.hello('shop', { loadBalanced: true, ...extra });
      assert.deepEqual([client.last['ok'], client.last['code'], client.last['codeName']], [0, code, codeName]);
      client.hello('shop');
      assert.equal(client.last['ok'], 1);
      assert.equal('serviceId' in client.last, false);
      assert.equal(rig.server.requests.length, 0);
    });
  }
});

describe('before the first contact', () => {
  test('a hello waits; the first contact answers all who wait', () => {
    const rig = makeRig();
    const clients = [1, 2, 3].map(() => rig.app('shop'));
    rig.clock.advance(4000);
    assert.ok(clients.every((client) => client.replies.length === 0 && !client.isClosed));
    rig.cluster.start();
    rig.settle();
    assert.ok(clients.every((client) => client.last['ok'] === 1));
    rig.clock.advance(20_000);
    assert.ok(clients.every((client) => !client.isClosed && client.replies.length === 1));
    assert.equal(rig.table.totals.active, 0);
  });

  test('after 5 s the connection is closed without an answer', () => {
    const rig = makeRig();
    const client = rig.app('shop');
    rig.clock.advance(4999);
    assert.equal(client.isClosed, false);
    rig.clock.advance(1);
    assert.equal(client.isClosed, true);
    assert.equal(client.replies.length, 0);
    assert.equal(rig.downstream.closed.counts.get('no_upstream'), 1);
    assert.equal(rig.downstream.connections.size, 0);
    assert.equal(rig.table.totals.active, 0);
    assert.equal(
      rig.table
        .rows()
        .find((row) => row.command === 'hello')
        ?.countOf('upstream_lost'),
      1,
    );
  });

  test('a client that gives up is forgotten', () => {
    const rig = makeRig();
    const client = rig.app('shop');
    client.close();
    assert.equal(
      rig.table
        .rows()
        .find((row) => row.command === 'hello')
        ?.countOf('client_gone'),
      1,
    );
    assert.equal(rig.clock.timers, 0);
    rig.cluster.start();
    rig.settle();
    assert.equal(client.replies.length, 0);
  });

  test('a hello that is killed by a person ends like one that waited too long', () => {
    const rig = makeRig();
    const client = rig.app('shop');
    rig.clock.advance(100);
    const [connection] = [...rig.downstream.connections];
    assert.deepEqual(connection?.current()?.state, 'waiting');
    assert.equal(connection.killOperation(1), 'left_queue');
    rig.settle();
    assert.deepEqual([client.isClosed, client.replies.length, rig.table.totals.active], [true, 0, 0]);
    rig.clock.advance(20_000);
    assert.equal(rig.downstream.closed.counts.get('no_upstream'), 1, 'its own clock was stopped');
    rig.cluster.start();
    rig.settle();
    assert.equal(client.replies.length, 0);
  });

  test('a request behind the hello waits with it and is served after it', () => {
    const rig = makeRig();
    const client = rig.connectClient();
    client.pipeline({ hello: 1, $db: 'admin' }, { ping: 1 });
    assert.equal(client.replies.length, 0);
    rig.cluster.start();
    rig.settle();
    assert.deepEqual(
      client.replies.map(({ responseTo }) => responseTo),
      [1, 2],
    );
  });

  test('a ping needs no upstream', () => {
    const rig = makeRig();
    const client = rig.connectClient();
    client.send({ ping: 1 });
    assert.deepEqual(client.last, { ok: 1 });
  });
});

describe('while no upstream is reachable', () => {
  test('hello answers from the last known values, in both opcodes', () => {
    const rig = startRig();
    rig.server.kill();
    rig.clock.advance(60_000);
    const client = rig.connectClient();
    client.send({ hello: 1, $db: 'admin' });
    client.query({ isMaster: 1 });
    assert.deepEqual(
      client.replies.map(({ document }) => `${Number(document['ok'])} ${Number(document['maxWireVersion'])}`),
      ['1 25', '1 25'],
    );
  });
});
