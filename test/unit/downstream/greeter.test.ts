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
        loadBalanced: true,
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

describe('client metadata', () => {
  const good = clientDocument('shop');
  const big = (bytes: number): string => 'x'.repeat(bytes);
  const REFUSED: readonly (readonly [what: string, client: BsonDocument, code: number, codeName: string])[] = [
    ['no driver', { os: { type: 'T' } }, 183, 'ClientMetadataMissingField'],
    ['no driver name', { ...good, driver: { version: '1' } }, 183, 'ClientMetadataMissingField'],
    ['no driver version', { ...good, driver: { name: 'x' } }, 183, 'ClientMetadataMissingField'],
    ['a driver that is no document', { ...good, driver: 'x' }, 183, 'ClientMetadataMissingField'],
    ['no os', { ...good, os: undefined }, 183, 'ClientMetadataMissingField'],
    ['no os type', { ...good, os: { name: 'x' } }, 183, 'ClientMetadataMissingField'],
    [
      'an application name of 129 bytes',
      { ...good, application: { name: big(129) } },
      184,
      'ClientMetadataAppNameTooLarge',
    ],
    [
      '65 characters of two bytes',
      { ...good, application: { name: 'é'.repeat(65) } },
      184,
      'ClientMetadataAppNameTooLarge',
    ],
    ['more than 1024 bytes', { ...good, platform: big(1024) }, 185, 'ClientMetadataDocumentTooLarge'],
  ];
  for (const [what, document, code, codeName] of REFUSED) {
    test(`with ${what}: ${code}`, () => {
      const rig = startRig();
      const client = rig.connectClient();
      client.send({ hello: 1, client: document, $db: 'admin' });
      assert.deepEqual([client.last['ok'], client.last['code'], client.last['codeName']], [0, code, codeName]);
      assert.equal(client.isClosed, false);
      client.hello('second try');
      assert.equal(client.last['ok'], 1);
    });
  }

  const TAKEN: readonly (readonly [what: string, client: BsonDocument, app: string])[] = [
    ['an application name of 128 bytes', { ...good, application: { name: big(128) } }, `${big(119)}…`],
    ['no application', { ...good, application: undefined }, '-'],
    ['an application without a name', { ...good, application: {} }, '-'],
    ['a name with control characters', { ...good, application: { name: 'a\u001b[31mb' } }, 'a\u{fffd}[31mb'],
    [
      'wrapping libraries and FaaS',
      { ...good, driver: { name: 'n|odm', version: '1|2' }, env: { name: 'aws.lambda' } },
      'shop',
    ],
  ];
  for (const [what, document, app] of TAKEN) {
    test(`with ${what}: taken`, () => {
      const rig = startRig();
      const client = rig.connectClient();
      client.send({ hello: 1, client: document, $db: 'admin' });
      assert.equal(client.last['ok'], 1);
      assert.deepEqual(
        [...rig.downstream.connections].map((connection) => connection.snapshot().app),
        [app],
      );
    });
  }

  test('a second time: 186, and the first stays', () => {
    const rig = startRig();
    const client = rig.app('first');
    client.hello('second');
    assert.deepEqual([client.last['code'], client.last['codeName']], [186, 'ClientMetadataCannotBeMutated']);
    client.send({ hello: 1, $db: 'admin' });
    assert.equal(client.last['ok'], 1);
    const [shown] = [...rig.downstream.connections].map((connection) => connection.snapshot());
    assert.deepEqual([shown?.app, shown?.driver], ['first', 'test 1']);
  });

  test('with garbage inside: 22, the connection is kept, the operation is finished', () => {
    const rig = startRig();
    const client = rig.connectClient();
    const bytes = client.encode({ hello: 1, client: { ...good, note: { text: 'abcdefgh' } }, $db: 'admin' });
    bytes.writeInt32LE(1000, bytes.indexOf('abcdefgh') - 4);
    client.feed(bytes);
    assert.deepEqual([client.last['ok'], client.last['code']], [0, 22]);
    assert.equal(client.isClosed, false);
    client.hello('again');
    assert.equal(client.last['ok'], 1);
  });
});
