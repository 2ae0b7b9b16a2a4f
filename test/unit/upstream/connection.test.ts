// One upstream connection: when a reply reaches its owner, when it is clean again, and why it dies.
// No pool here. Invariants tested: each exchange ends once; in doubt the connection is destroyed, never handed back.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeMessage } from '../../../codecs/index.ts';
import { encodePing } from '../../../src/upstream/handshake.ts';
import { type ConnectionBench, makeConnection, reply } from './fixture.ts';

/** A connection with one exchange that was written whole, and the id that its reply must name. */
function withOneSent(): ConnectionBench & { id: number } {
  const bench = makeConnection();
  const exchange = bench.recorder.exchange('a');
  bench.send(exchange);
  return { ...bench, id: exchange.requestId };
}

describe('an upstream connection', () => {
  test('is handed back after a clean exchange', () => {
    const { connection, socket, recorder, events, id } = withOneSent();
    assert.equal(connection.state, 'busy');
    socket.feed(reply(id));
    assert.deepEqual(recorder.ends, ['a reply']);
    assert.deepEqual(events, ['idle']);
    assert.equal(connection.state, 'idle');
  });

  test('puts its own id on the wire and nothing else', () => {
    const { written, recorder, send } = makeConnection();
    const exchange = recorder.exchange('a');
    const before = Buffer.from(exchange.frame.bytes);
    send(exchange);
    const sent = Buffer.concat(written);
    assert.equal(sent.readInt32LE(4), exchange.requestId);
    assert.notEqual(exchange.requestId, 77);
    before.writeInt32LE(exchange.requestId, 4);
    assert.deepEqual(sent, before);
  });

  test('a reply in single bytes is one reply', () => {
    const { socket, recorder, events, id } = withOneSent();
    const bytes = reply(id);
    for (const [at] of bytes.entries()) {
      assert.deepEqual(recorder.ends, [], `after ${at} bytes`);
      assert.deepEqual(events, []);
      socket.feed(bytes.subarray(at, at + 1));
    }
    assert.deepEqual(recorder.ends, ['a reply']);
    assert.deepEqual(events, ['idle']);
  });

  test('serves a queue of exchanges in order', () => {
    const { socket, recorder, events, send } = makeConnection();
    const [a, b] = [recorder.exchange('a'), recorder.exchange('b')];
    send(a);
    send(b);
    socket.feed(reply(a.requestId));
    assert.deepEqual(events, []);
    socket.feed(reply(b.requestId));
    assert.deepEqual(recorder.ends, ['a reply', 'b reply']);
    assert.deepEqual(events, ['idle']);
  });

  test('several lost at once all end', () => {
    const { socket, recorder, events, send } = makeConnection();
    send(recorder.exchange('a'));
    send(recorder.exchange('b'));
    socket.hangUp();
    assert.deepEqual(recorder.ends, ['a lost', 'b lost']);
    assert.deepEqual(events, ['closed peer_closed']);
  });
});

interface Death {
  readonly what: string;
  readonly bytes: (id: number) => Buffer;
  readonly ends: readonly string[];
  readonly events: readonly string[];
}

const badOpcode = (id: number): Buffer => {
  const bytes = reply(id);
  bytes.writeInt32LE(2004, 12);
  return bytes;
};

const badLength = (length: number) => (id: number) => {
  const bytes = reply(id);
  bytes.writeInt32LE(length, 0);
  return bytes;
};

/** The document's own length points past the message. */
const lyingDocument = (id: number): Buffer => {
  const bytes = reply(id);
  bytes.writeInt32LE(5000, 21);
  return bytes;
};

const DEATHS: readonly Death[] = [
  {
    what: 'a reply to something else',
    bytes: (id) => reply(id + 1),
    ends: ['a lost'],
    events: ['closed response_mismatch'],
  },
  { what: 'responseTo 0', bytes: () => reply(0), ends: ['a lost'], events: ['closed response_mismatch'] },
  {
    what: 'the reply twice',
    bytes: (id) => Buffer.concat([reply(id), reply(id)]),
    ends: ['a reply'],
    events: ['closed unexpected_reply'],
  },
  {
    what: 'bytes left behind the reply',
    bytes: (id) => Buffer.concat([reply(id), Buffer.from([1])]),
    ends: ['a reply'],
    events: ['closed bytes_left'],
  },
  {
    what: 'half a reply behind the reply',
    bytes: (id) => Buffer.concat([reply(id), reply(id).subarray(0, 30)]),
    ends: ['a reply'],
    events: ['closed bytes_left'],
  },
  {
    what: 'moreToCome',
    bytes: (id) => reply(id, {}, 2),
    ends: ['a lost'],
    events: ['closed more_to_come'],
  },
  {
    what: 'a request instead of a reply',
    bytes: badOpcode,
    ends: ['a lost'],
    events: ['decode unknown_opcode', 'closed malformed_reply'],
  },
  {
    what: 'a length of 15',
    bytes: badLength(15),
    ends: ['a lost'],
    events: ['decode length_too_small', 'closed malformed_reply'],
  },
  {
    what: 'a length of 48 000 001',
    bytes: badLength(48_000_001),
    ends: ['a lost'],
    events: ['decode length_too_large', 'closed malformed_reply'],
  },
  {
    what: 'a document that lies about its length',
    bytes: lyingDocument,
    ends: ['a lost'],
    events: ['decode invalid_bson', 'closed malformed_reply'],
  },
  {
    what: 'no ok field',
    bytes: (id) => encodeMessage({ n: 1 }, 9, id),
    ends: ['a lost'],
    events: ['decode no_ok', 'closed malformed_reply'],
  },
];

describe('an upstream connection dies of', () => {
  for (const { what, bytes, ends, events } of DEATHS) {
    test(what, () => {
      const bench = withOneSent();
      bench.socket.feed(bytes(bench.id));
      assert.deepEqual(bench.recorder.ends, ends);
      assert.deepEqual(bench.events, events);
      assert.equal(bench.socket.isClosed, true);
      bench.socket.feed(reply(bench.id));
      assert.deepEqual(bench.recorder.ends, ends, 'nothing is delivered after the close');
    });
  }

  test('a reply while nothing is outstanding', () => {
    const { socket, recorder, events } = makeConnection();
    socket.feed(reply(4711));
    assert.deepEqual(recorder.ends, []);
    assert.deepEqual(events, ['closed unexpected_reply']);
  });

  test('a reply before the request was written whole', () => {
    const { socket, recorder, events, connection, clock } = makeConnection();
    socket.isStuck = true;
    const exchange = recorder.exchange('a');
    connection.send(exchange, clock.nowMs());
    clock.flushTurn();
    socket.feed(reply(exchange.requestId));
    assert.deepEqual(recorder.ends, ['a lost']);
    assert.deepEqual(events, ['closed reply_before_request']);
  });
});

describe('what was written when a connection is lost', () => {
  test('nothing: destroyed in the turn of the send', () => {
    const { recorder, connection, clock } = makeConnection();
    connection.send(recorder.exchange('a'), clock.nowMs());
    connection.destroy('endpoint_silent', 'test');
    assert.deepEqual(recorder.ends, ['a lost_unwritten']);
  });

  test('nothing: the peer closed in the turn of the send', () => {
    const { recorder, connection, clock, socket, written } = makeConnection();
    connection.send(recorder.exchange('a'), clock.nowMs());
    socket.hangUp();
    assert.deepEqual(written, []);
    assert.deepEqual(recorder.ends, ['a lost_unwritten']);
  });

  test('perhaps some: the kernel did not take it all', () => {
    const { recorder, socket, send } = makeConnection();
    socket.isStuck = true;
    send(recorder.exchange('a'));
    socket.hangUp();
    assert.deepEqual(recorder.ends, ['a lost']);
  });

  test('of two only the follower that still lies in the gather buffer is unsent', () => {
    const { recorder, connection, clock, send } = makeConnection();
    send(recorder.exchange('a'));
    connection.send(recorder.exchange('b'), clock.nowMs());
    connection.destroy('socket_error', 'test');
    assert.deepEqual(recorder.ends, ['a lost', 'b lost_unwritten']);
  });
});

describe('a fence', () => {
  test('the answer of the ping ends the exchange', () => {
    const { recorder, written, socket, send, events } = makeConnection();
    const exchange = recorder.exchange('w0', { fence: encodePing(0) });
    send(exchange);
    const sent = Buffer.concat(written);
    const ping = sent.subarray(sent.readInt32LE(0));
    assert.match(ping.toString('latin1'), /ping/);
    assert.equal(ping.readInt32LE(4), exchange.requestId);
    assert.notEqual(sent.readInt32LE(4), exchange.requestId);
    socket.feed(reply(exchange.requestId));
    assert.deepEqual(recorder.ends, ['w0 reply']);
    assert.deepEqual(events, ['idle']);
  });

  test('an answer to the write itself is none', () => {
    const { recorder, written, socket, send, events } = makeConnection();
    send(recorder.exchange('w0', { fence: encodePing(0) }));
    socket.feed(reply(Buffer.concat(written).readInt32LE(4)));
    assert.deepEqual(recorder.ends, ['w0 lost']);
    assert.deepEqual(events, ['closed response_mismatch']);
  });
});

describe('the handshake', () => {
  test('a good hello greets, then frees', () => {
    const { socket, events, connection } = makeConnection(false);
    socket.feed(reply(1));
    assert.deepEqual(events, ['greeted', 'idle']);
    assert.equal(connection.state, 'idle');
  });

  const REFUSALS: readonly (readonly [what: string, bytes: Buffer, event: string])[] = [
    ['ok: 0', reply(1, { ok: 0, errmsg: 'no' }), 'closed handshake_failed'],
    ['a wrong responseTo', reply(2), 'closed response_mismatch'],
    ['no ok', encodeMessage({ ismaster: true }, 1, 1), 'closed malformed_reply'],
  ];
  for (const [what, bytes, event] of REFUSALS) {
    test(`dies of ${what}`, () => {
      const { socket, events } = makeConnection(false);
      socket.feed(bytes);
      assert.equal(events.at(-1), event);
      assert.equal(socket.isClosed, true);
    });
  }

  test('dies when nobody answers in time, and not before', () => {
    const { clock, events } = makeConnection(false);
    clock.advance(9999);
    assert.deepEqual(events, []);
    clock.advance(1);
    assert.deepEqual(events, ['closed endpoint_silent']);
  });

  test('leaves no timer behind', () => {
    assert.equal(makeConnection().clock.timers, 0);
    const lost = makeConnection(false);
    lost.socket.hangUp();
    assert.equal(lost.clock.timers, 0);
  });
});

test('destroy is told once', () => {
  const { connection, events, recorder, send } = makeConnection();
  send(recorder.exchange('a'));
  connection.destroy('stopped', 'one');
  connection.destroy('abandoned', 'two');
  assert.deepEqual(events, ['closed stopped']);
  assert.deepEqual(recorder.ends, ['a lost']);
});
