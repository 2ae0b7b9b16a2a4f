// What clients are told when the server misbehaves, over real sockets: protocol.md 5.6 row by row, and what becomes of the
// connection. Invariant of every test: the client's own connection to weir survives.

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { type BsonDocument, encodeMessage, Long } from '../../codecs/index.ts';
import { emptyCursor, type RawRequest } from '../support/raw-server.ts';
import { eventually } from './harness/eventually.ts';
import { FaultBench, FIND, LSID, strikeOnce } from './harness/fault-bench.ts';

const bench = new FaultBench();

afterEach(() => bench.clear());

interface Lost {
  readonly what: string;
  readonly fault: (request: RawRequest) => void;
  readonly reason: string;
  readonly mismatches?: number;
  readonly decodeReason?: string;
}

const half = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length >> 1);
const withLength = (bytes: Buffer, length: number): Buffer => {
  bytes.writeInt32LE(length, 0);
  return bytes;
};

/** Instead of the reply to a find. */
const LOST: readonly Lost[] = [
  { what: 'closes in order', fault: (request) => request.connection.end(), reason: 'peer_closed' },
  { what: 'resets', fault: (request) => request.connection.socket.resetAndDestroy(), reason: 'socket_error' },
  {
    what: 'sends half a reply and closes',
    fault: (request) => request.connection.socket.end(half(request.encode(emptyCursor()))),
    reason: 'peer_closed',
  },
  {
    what: 'sends half a header and closes',
    fault: (request) => request.connection.socket.end(request.encode().subarray(0, 9)),
    reason: 'peer_closed',
  },
  {
    what: 'answers another request',
    fault: (request) => request.connection.send(request.encode(emptyCursor(), request.id + 1)),
    reason: 'response_mismatch',
    mismatches: 1,
  },
  {
    what: 'sends text',
    fault: (request) => request.connection.send(Buffer.from('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n')),
    reason: 'malformed_reply',
    decodeReason: 'length_too_large',
  },
  {
    what: 'claims a length of 15',
    fault: (request) => request.connection.send(withLength(request.encode(), 15)),
    reason: 'malformed_reply',
    decodeReason: 'length_too_small',
  },
  {
    what: 'answers with a request opcode',
    fault: (request) => {
      const bytes = request.encode();
      bytes.writeInt32LE(2004, 12);
      request.connection.send(bytes);
    },
    reason: 'malformed_reply',
    decodeReason: 'unknown_opcode',
  },
  {
    what: 'answers without ok',
    fault: (request) => request.connection.send(encodeMessage({ n: 1 }, 1, request.id)),
    reason: 'malformed_reply',
    decodeReason: 'no_ok',
  },
  {
    what: 'answers with a body whose length lies',
    fault: (request) => {
      const bytes = request.encode();
      bytes.writeInt32LE(bytes.length, 21);
      request.connection.send(bytes);
    },
    reason: 'malformed_reply',
    decodeReason: 'invalid_bson',
  },
  {
    what: 'says that more is to come',
    fault: (request) => request.connection.send(encodeMessage({ ok: 1, ...emptyCursor() }, 1, request.id, 2)),
    reason: 'more_to_come',
  },
];

describe('a server that instead of answering', () => {
  for (const { what, fault, reason, mismatches = 0, decodeReason } of LOST) {
    test(`${what}: 6 without a label, connection closed as ${reason}`, async () => {
      const server = await bench.startServer();
      const house = await bench.startHouse(server);
      const client = await bench.connectClient(house);
      strikeOnce(server, 'find', fault);

      const answer = await client.ask(FIND);
      assert.equal(answer['ok'], 0);
      assert.equal(answer['code'], 6);
      assert.equal(answer['codeName'], 'HostUnreachable');
      assert.equal(answer['errorLabels'], undefined);

      assert.equal((await client.ask(FIND))['ok'], 1, 'the same client goes on');
      assert.deepEqual(await house.closed(), { [reason]: 1 });
      const metrics = await house.metrics();
      assert.equal(metrics.sum('weir_protocol_mismatches_total'), mismatches);
      assert.deepEqual(
        metrics.by('weir_decode_errors_total', ['side', 'reason']),
        decodeReason === undefined ? {} : { [`upstream ${decodeReason}`]: 1 },
      );
      assert.equal(metrics.sum('weir_operations_total', { command: 'find', outcome: 'upstream_lost' }), 1);
      assert.equal(metrics.sum('weir_operations_total', { command: 'find', outcome: 'ok' }), 1);
    });
  }

  test('closes while a request is still being written: 6, the request is not sent again', async () => {
    const server = await bench.startServer();
    const house = await bench.startHouse(server);
    const client = await bench.connectClient(house);
    assert.equal((await client.ask(FIND))['ok'], 1);
    const [connection] = server.poolConnections;
    assert.ok(connection);
    const before = connection.bytesRead;
    connection.socket.on('data', () => {
      if (connection.bytesRead - before > 100_000) connection.socket.resetAndDestroy();
    });
    const documents = Array.from({ length: 15 }, (_, index) => ({ _id: index, text: 'x'.repeat(1_000_000) }));

    const answer = await client.ask({ insert: 'orders', documents });
    assert.equal(answer['code'], 6);
    assert.equal(answer['errorLabels'], undefined, 'not all of it was kept back: the outcome is unknown');
    assert.equal((await client.ask(FIND))['ok'], 1);
    assert.deepEqual(server.requestsNamed('insert'), []);
  });
});

describe('a server that answers too much', () => {
  test('twice at once: the right answer, then the connection dies', async () => {
    const server = await bench.startServer();
    const house = await bench.startHouse(server);
    const client = await bench.connectClient(house);
    strikeOnce(server, 'find', (request) => {
      const reply = request.encode(emptyCursor());
      request.connection.send(Buffer.concat([reply, reply]));
    });
    assert.equal((await client.ask(FIND))['ok'], 1);
    assert.equal((await client.ask({ count: 'orders' }))['ok'], 1, 'not the second reply, which has a cursor');
    assert.equal(client.replies.at(-1)?.document['cursor'], undefined);
    assert.deepEqual(await house.closed(), { unexpected_reply: 1 });
    assert.equal((await house.metrics()).sum('weir_protocol_mismatches_total'), 0);
  });

  test('again while the next request is out: that one is lost, the stale answer reaches nobody', async () => {
    const server = await bench.startServer();
    const house = await bench.startHouse(server, { pool: { maxConnections: 1 } });
    const [first, second] = [await bench.connectClient(house, 'first'), await bench.connectClient(house, 'second')];
    let stale: Buffer = Buffer.alloc(0);
    strikeOnce(server, 'find', (request) => {
      stale = request.encode({ secret: 'of the first client', ...emptyCursor() });
      request.connection.send(stale);
    });
    strikeOnce(server, 'count', (request) => request.connection.send(stale));

    assert.equal((await first.ask(FIND))['secret'], 'of the first client');
    const answer = await second.ask({ count: 'orders' });
    assert.equal(answer['code'], 6);
    assert.equal(answer['secret'], undefined);
    assert.equal((await second.ask({ count: 'orders' }))['ok'], 1);
    assert.deepEqual(await house.closed(), { response_mismatch: 1 });
    assert.equal((await house.metrics()).sum('weir_protocol_mismatches_total'), 1);
  });

  test('trailing bytes behind a reply: the answer is passed on, the connection dies', async () => {
    const server = await bench.startServer();
    const house = await bench.startHouse(server);
    const client = await bench.connectClient(house);
    strikeOnce(server, 'find', (request) => {
      request.connection.send(Buffer.concat([request.encode(emptyCursor()), Buffer.alloc(3)]));
    });
    assert.equal((await client.ask(FIND))['ok'], 1);
    assert.equal((await client.ask(FIND))['ok'], 1);
    assert.deepEqual(await house.closed(), { bytes_left: 1 });
  });

  test('unasked, on an idle connection', async () => {
    const server = await bench.startServer();
    const house = await bench.startHouse(server);
    const client = await bench.connectClient(house);
    assert.equal((await client.ask(FIND))['ok'], 1);
    server.poolConnections[0]?.send(encodeMessage({ ok: 1 }, 1, 12_345));
    await eventually('the connection is destroyed', async () => (await house.closed())['unexpected_reply'] === 1);
    assert.equal((await client.ask(FIND))['ok'], 1);
  });
});

interface Loss {
  readonly what: string;
  readonly command: BsonDocument;
  readonly labels?: readonly string[];
}

const inTransaction = { lsid: LSID, txnNumber: Long.fromNumber(1), autocommit: false };

/** Rows of protocol.md 5.6 that need nothing before them. */
const LOSSES: readonly Loss[] = [
  { what: 'a read', command: FIND },
  { what: 'a write without txnNumber', command: { insert: 'orders', documents: [{ _id: 1 }] } },
  { what: 'a DDL command', command: { create: 'orders' } },
  {
    what: 'a retryable write',
    command: { insert: 'orders', documents: [{ _id: 1 }], lsid: LSID, txnNumber: Long.fromNumber(1) },
    labels: ['RetryableWriteError'],
  },
  {
    what: "a transaction's first statement",
    command: { ...FIND, ...inTransaction, startTransaction: true },
    labels: ['TransientTransactionError'],
  },
  {
    what: 'commitTransaction',
    command: { commitTransaction: 1, ...inTransaction, $db: 'admin' },
    labels: ['RetryableWriteError'],
  },
  {
    what: 'abortTransaction',
    command: { abortTransaction: 1, ...inTransaction, $db: 'admin' },
    labels: ['RetryableWriteError'],
  },
];

describe('the label of a lost request', () => {
  for (const { what, command, labels } of LOSSES) {
    test(`${what}: ${labels?.join() ?? 'none'}`, async () => {
      const server = await bench.startServer();
      const client = await bench.connectClient(await bench.startHouse(server));
      strikeOnce(server, Object.keys(command)[0] ?? '', (request) => request.connection.destroy());
      const answer = await client.ask(command);
      assert.equal(answer['code'], 6);
      assert.deepEqual(answer['errorLabels'], labels);
    });

    test(`${what}, never written: the same and NoWritesPerformed`, async () => {
      const server = await bench.startServer();
      const house = await bench.startHouse(server, { pool: { waitQueueTimeoutMs: 100 } });
      const client = await bench.connectClient(house);
      await server.stop();
      await eventually('weir knows it', async () => !(await house.summary()).upstreamReachable);
      const answer = await client.ask(command);
      assert.equal(answer['code'], 6);
      assert.deepEqual(answer['errorLabels'], [...(labels ?? []), 'NoWritesPerformed']);
      assert.equal((await house.get('/readyz')).status, 503);
    });
  }

  for (const [what, pipeline, labels] of [
    ['a change stream', [{ $changeStream: {} }], ['ResumableChangeStreamError']],
    ['an ordinary aggregate', [], undefined],
  ] as const) {
    test(`getMore of ${what}: ${labels?.join() ?? 'none'}, and the cursor stays known`, async () => {
      const server = await bench.startServer();
      server.script = (request) => {
        const batch = request.name === 'aggregate' ? { firstBatch: [] } : { nextBatch: [] };
        request.reply({ cursor: { ...batch, id: Long.fromNumber(77), ns: 'shop.orders' } });
      };
      const client = await bench.connectClient(await bench.startHouse(server));
      const opened = await client.ask({ aggregate: 'orders', pipeline: [...pipeline], cursor: {}, lsid: LSID });
      assert.equal(opened['ok'], 1);
      strikeOnce(server, 'getMore', (request) => request.connection.destroy());
      const getMore = { getMore: Long.fromNumber(77), collection: 'orders', lsid: LSID };
      const answer = await client.ask(getMore);
      assert.equal(answer['code'], 6);
      assert.deepEqual(answer['errorLabels'], labels);
      assert.equal((await client.ask(getMore))['ok'], 1);
    });
  }

  test('a statement inside a transaction: TransientTransactionError', async () => {
    const server = await bench.startServer();
    const client = await bench.connectClient(await bench.startHouse(server));
    assert.equal((await client.ask({ ...FIND, ...inTransaction, startTransaction: true }))['ok'], 1);
    strikeOnce(server, 'find', (request) => request.connection.destroy());
    const answer = await client.ask({ ...FIND, ...inTransaction });
    assert.equal(answer['code'], 6);
    assert.deepEqual(answer['errorLabels'], ['TransientTransactionError']);
  });

  test('an unacknowledged write: silence, and the next request is answered', async () => {
    const server = await bench.startServer();
    const house = await bench.startHouse(server);
    const client = await bench.connectClient(house);
    strikeOnce(server, 'insert', (request) => request.connection.destroy());
    client.say({ insert: 'orders', documents: [{ _id: 1 }], writeConcern: { w: 0 } }, 2);
    assert.equal((await client.ask(FIND))['ok'], 1);
    assert.equal(client.replies.length, 2, 'hello and find');
    const metrics = await house.metrics();
    assert.equal(metrics.sum('weir_operations_total', { command: 'insert', outcome: 'upstream_lost' }), 1);
  });
});
