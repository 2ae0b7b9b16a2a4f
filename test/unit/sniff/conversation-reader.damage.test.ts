// What a conversation makes of bytes that are wrong, missing, foreign, or that meet a mistake of ours; and of its end.
// Invariant: no call throws; what cannot be read costs one count with its reason and the rest is read, as long as the
// place in the stream is known.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMessage, OPCODE } from '../../../codecs/index.ts';
import { MAX_PENDING, MAX_PENDING_BYTES } from '../../../src/sniff/pending-operations.ts';
import { readHexFolder } from '../../support/hex.ts';
import { answer, ask, makeRig } from './sniff-rig.ts';

const PING = ask(900, { ping: 1 });

test('every malformed request that has a length costs one count, its reply is no stranger, the next one is read', () => {
  for (const { name, text, bytes } of readHexFolder('malformed')) {
    const length = bytes.length < 16 ? 0 : bytes.readInt32LE(0);
    if (length !== bytes.length) continue;
    const rig = makeRig();
    const conversation = rig.open();
    conversation.clientBytes(Buffer.concat([PING, bytes, PING]), 0);
    conversation.serverBytes(answer(1, bytes.readInt32LE(4), { ok: 0, code: 22 }), 1);
    const errors = [...rig.decodeErrors];
    if (errors.length === 0) continue;
    assert.deepEqual(
      errors.length === 1 && errors[0]?.[1],
      1,
      `${name}: ${JSON.stringify(errors)}\n${text.slice(0, 80)}`,
    );
    assert.match(String(errors[0]?.[0]), /^sniffed_client\|/);
    assert.equal(conversation.state, 'reading');
    assert.equal(conversation.operations, 2, name);
  }
});

test('malformed replies cost one count and end their operation as an error', () => {
  const rig = makeRig();
  const conversation = rig.open();
  conversation.clientBytes(Buffer.concat([ask(1, { find: 'a' }), ask(2, { find: 'b' }), ask(3, { find: 'c' })]), 0);
  const broken = answer(10, 1);
  broken[25] = 0x7e;
  const strange = answer(11, 2);
  strange.writeInt32LE(2009, 12);
  conversation.serverBytes(Buffer.concat([broken, strange, answer(12, 3)]), 4);
  assert.deepEqual(
    rig.finished.map(({ collection, outcome }) => [collection, outcome]),
    [
      ['a', 'command_error'],
      ['b', 'command_error'],
      ['c', 'ok'],
    ],
  );
  assert.deepEqual(
    [...rig.decodeErrors],
    [
      ['sniffed_server|invalid_bson', 1],
      ['sniffed_server|unknown_opcode', 1],
    ],
  );
});

test('an unknown opcode of a request costs one count', () => {
  const rig = makeRig();
  const conversation = rig.open();
  const strange = ask(5, { find: 'a' });
  strange.writeInt32LE(2009, 12);
  conversation.clientBytes(Buffer.concat([strange, PING]), 0);
  conversation.serverBytes(Buffer.concat([answer(1, 5), answer(2, 900)]), 1);
  assert.deepEqual([...rig.decodeErrors], [['sniffed_client|unknown_opcode', 1]]);
  assert.equal(rig.finished.length, 1);
});

test('framing lost: blind, counted once, what waits is finished, the other direction is not read either', () => {
  const blind: unknown[] = [];
  const rig = makeRig({
    events: { onBlind: (conversation, reason, error) => blind.push([conversation.id, reason, error]) },
  });
  const conversation = rig.open();
  conversation.clientBytes(PING, 0);
  conversation.clientBytes(Buffer.alloc(40, 0xff), 1);
  assert.deepEqual([conversation.state, conversation.endReason, conversation.pending], ['blind', 'lost_framing', 0]);
  conversation.serverBytes(answer(1, 900), 2);
  conversation.clientBytes(PING, 3);
  conversation.clientGap(4);
  conversation.serverGap(4);
  conversation.end(5);
  assert.deepEqual([...rig.ended], [['lost_framing', 1]]);
  assert.deepEqual(blind, [[conversation.id, 'lost_framing', null]]);
  assert.deepEqual([...rig.decodeErrors], [['sniffed_server|reply_missing', 1]]);
  assert.equal(rig.rows()[0]?.active, 0);
  assert.equal(rig.sniffer.conversations, 0);
});

test('TLS and HTTP: blind from the first bytes', () => {
  for (const [bytes, reason] of [
    [Buffer.from('16030100f1010000ed0303aabbccddeeff', 'hex'), 'tls'],
    [Buffer.from('POST /api HTTP/1.1\r\n\r\n'), 'http'],
  ] as const) {
    const rig = makeRig();
    const conversation = rig.open();
    conversation.clientBytes(bytes, 0);
    conversation.serverBytes(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), 0);
    assert.deepEqual([...rig.ended], [[reason, 1]]);
    assert.equal(rig.decodeErrors.size, 0);
  }
});

test('a planted fault in any place leaves the caller untouched: blind, counted once, told with the error', () => {
  const fault = new Error('planted');
  const fail = (): never => {
    throw fault;
  };
  const plants = [{ onHello: fail }, { onFinished: fail }];
  for (const plant of plants) {
    const told: unknown[] = [];
    const rig = makeRig({
      events: { ...plant, onBlind: (_conversation, reason, error) => told.push([reason, error]) },
    });
    const conversation = rig.open();
    conversation.clientBytes(Buffer.concat([ask(1, { hello: 1 }), ask(2, { find: 'items' })]), 0);
    conversation.serverBytes(Buffer.concat([answer(1, 1), answer(2, 2)]), 0);
    conversation.clientBytes(PING, 1);
    conversation.end(2);
    assert.deepEqual(told, [['internal_error', fault]]);
    assert.deepEqual([...rig.ended], [['internal_error', 1]]);
    assert.ok(rig.rows().every((row) => row.active === 0));
  }
  for (const admits of [fail]) {
    const rig = makeRig({ admits, events: { onBlind: fail } });
    const conversation = rig.open();
    conversation.clientBytes(PING, 0);
    assert.deepEqual([...rig.ended], [['internal_error', 1]]);
    assert.equal(conversation.state, 'blind');
  }
});

test('replies without a request, as in a capture that starts late, are counted and nothing else', () => {
  const rig = makeRig();
  const conversation = rig.open();
  conversation.serverBytes(answer(1, 55), 0);
  conversation.clientBytes(PING, 1);
  conversation.serverBytes(answer(2, 900), 2);
  assert.deepEqual([...rig.decodeErrors], [['sniffed_server|reply_without_request', 1]]);
  assert.equal(rig.finished.length, 1);
});

test('more requests without replies than anybody pipelines: the oldest is given up', () => {
  const rig = makeRig();
  const conversation = rig.open();
  for (let id = 1; id <= MAX_PENDING + 2; id++) conversation.clientBytes(ask(id, { find: 'items' }), 0);
  assert.equal(conversation.pending, MAX_PENDING);
  assert.deepEqual([...rig.decodeErrors], [['sniffed_server|reply_missing', 2]]);
  conversation.serverBytes(answer(1, 1), 1);
  assert.equal(rig.decodeErrors.get('sniffed_server|reply_without_request'), 1);
});

test('requests without replies that are large make room sooner, the last one stays', () => {
  const rig = makeRig();
  const conversation = rig.open();
  const comment = 'x'.repeat(60_000);
  const fits = Math.floor(MAX_PENDING_BYTES / ask(1, { find: 'items', comment }).length);
  for (let id = 1; id <= fits + 3; id++) conversation.clientBytes(ask(id, { find: 'items', comment }), 0);
  assert.equal(conversation.pending, fits);
  for (let id = 1; id <= fits; id++) conversation.serverBytes(answer(id, id + 3), 1);
  assert.deepEqual([conversation.pending, [...rig.decodeErrors]], [0, [['sniffed_server|reply_missing', 3]]]);
  for (let id = 1; id <= fits; id++) conversation.clientBytes(ask(id, { find: 'items', comment }), 0);
  assert.equal(conversation.pending, fits, 'room was given back');
});

test('after a gap, a fault while older requests are given up loses none of them', () => {
  let calls = 0;
  const rig = makeRig({
    events: {
      onFinished: () => {
        if (++calls === 2) throw new Error('planted');
      },
    },
  });
  const conversation = rig.open();
  conversation.serverGap(0);
  conversation.clientBytes(Buffer.concat([1, 2, 3, 4].map((id) => ask(id, { find: 'items' }))), 1);
  conversation.serverBytes(answer(9, 4), 2);
  assert.deepEqual([...rig.ended], [['internal_error', 1]]);
  assert.deepEqual(
    rig.rows().map((row) => [row.operations, row.active]),
    [[4, 0]],
  );
});

test('gaps: both directions go on at the next message, older requests have lost their replies', () => {
  const rig = makeRig();
  const conversation = rig.open();
  conversation.clientGap(0);
  conversation.serverGap(0);
  conversation.clientBytes(Buffer.concat([ask(1, { find: 'a' }).subarray(20), ask(2, { find: 'b' })]), 1);
  conversation.serverBytes(Buffer.concat([answer(1, 1).subarray(9), answer(2, 2)]), 2);
  conversation.clientBytes(ask(3, { find: 'c' }), 3);
  conversation.serverGap(4);
  conversation.clientBytes(ask(4, { find: 'd' }), 5);
  conversation.serverBytes(answer(4, 4), 6);
  assert.deepEqual(
    rig.finished.map(({ collection, outcome, serverMs }) => [collection, outcome, serverMs]),
    [
      ['b', 'ok', 1],
      ['c', 'ok', -1],
      ['d', 'ok', 1],
    ],
  );
  assert.deepEqual([...rig.decodeErrors].sort(), [
    ['sniffed_client|gap', 1],
    ['sniffed_client|resynchronised', 1],
    ['sniffed_server|gap', 2],
    ['sniffed_server|reply_missing', 1],
    ['sniffed_server|resynchronised', 2],
  ]);
  assert.equal(conversation.state, 'reading');
});

test('the end: what waits is finished by whose end it was', () => {
  for (const [by, outcome] of [
    ['client', 'client_gone'],
    ['server', 'upstream_lost'],
    ['capture', 'ok'],
    [undefined, 'client_gone'],
  ] as const) {
    const rig = makeRig();
    const conversation = rig.open();
    conversation.clientBytes(PING, 0);
    conversation.end(9, by);
    assert.deepEqual(
      rig.finished.map((operation) => [operation.outcome, operation.serverMs]),
      [[outcome, -1]],
    );
    assert.equal(rig.rows()[0]?.active, 0);
    conversation.clientBytes(PING, 10);
    conversation.serverBytes(answer(1, 900), 10);
    assert.equal(conversation.operations, 1, 'nothing is read after the end');
  }
});

test('a compressed message that the common budget has no room for is named by the opcode inside', () => {
  const rig = makeRig({ largeInflationBytes: 1_000_000 });
  const conversation = rig.open();
  const start = Buffer.alloc(25);
  start.writeInt32LE(5_000_000, 0);
  start.writeInt32LE(4, 4);
  start.writeInt32LE(OPCODE.compressed, 12);
  start.writeInt32LE(OPCODE.msg, 16);
  start.writeInt32LE(6_000_000, 20);
  conversation.clientBytes(Buffer.concat([start, Buffer.alloc(5_000_000 - 25)]), 0);
  conversation.clientBytes(ask(5, { ping: 1 }), 0);
  start.writeInt32LE(5, 8);
  conversation.serverBytes(Buffer.concat([answer(6, 4), start, Buffer.alloc(5_000_000 - 25)]), 3);
  assert.deepEqual(
    [...rig.decodeErrors],
    [
      ['sniffed_client|too_large_to_read_OP_MSG', 1],
      ['sniffed_server|too_large_to_read_OP_MSG', 1],
    ],
  );
  assert.deepEqual(
    rig.finished.map(({ command, outcome, replyBytes }) => [command, outcome, replyBytes]),
    [['ping', 'ok', 5_000_000]],
  );
});

test('names in a hello that are no names are left alone', () => {
  const rig = makeRig();
  const conversation = rig.open();
  conversation.clientBytes(
    encodeMessage({ hello: 1, client: { application: 5, driver: { name: 1 } }, $db: 'admin' }, 1, 0),
    0,
  );
  conversation.clientBytes(encodeMessage({ hello: 1, client: 'text', $db: 'admin' }, 2, 0), 0);
  assert.deepEqual([conversation.app, conversation.driver, conversation.operations], ['-', '', 2]);
});

test('a reply inside a stream that cannot be read costs one count, the one behind it is no stranger', () => {
  const malformed = answer(51, 50);
  malformed[25] = 0x7e;
  const foreign = answer(51, 50);
  foreign.writeInt32LE(2009, 12);
  for (const [broken, reason] of [
    [malformed, 'invalid_bson'],
    [foreign, 'unknown_opcode'],
  ] as const) {
    const rig = makeRig();
    const conversation = rig.open();
    conversation.clientBytes(ask(1, { hello: 1 }, 0x10000), 0);
    const replies = Buffer.concat([answer(50, 1, {}, 2), broken, answer(52, 51)]);
    conversation.serverBytes(replies, 1);
    assert.deepEqual([...rig.decodeErrors], [[`sniffed_server|${reason}`, 1]]);
    assert.equal(rig.rows()[0]?.replyBytes, replies.length);
  }
});

test('requests that cannot be read are remembered within a bound', () => {
  const rig = makeRig();
  const conversation = rig.open();
  for (let id = 1; id <= MAX_PENDING + 1; id++) {
    const strange = ask(id, { find: 'a' });
    strange.writeInt32LE(2009, 12);
    conversation.clientBytes(strange, 0);
  }
  conversation.serverBytes(Buffer.concat([answer(1, 1), answer(2, 2)]), 1);
  assert.equal(rig.decodeErrors.get('sniffed_server|reply_without_request'), 1);
  const stranger = answer(3, 3);
  stranger.writeInt32LE(2009, 12);
  conversation.serverBytes(Buffer.concat([stranger, stranger]), 1);
  assert.equal(rig.decodeErrors.get('sniffed_server|unknown_opcode'), 2);
});

test('an end while something wrong is noticed: finished all the same', () => {
  const fault = new Error('planted');
  const rig = makeRig({
    events: {
      onFinished: () => {
        throw fault;
      },
    },
  });
  const conversation = rig.open();
  conversation.clientBytes(Buffer.concat([PING, PING]), 0);
  conversation.end(1);
  assert.deepEqual([...rig.ended], [['internal_error', 1]]);
  assert.equal(rig.rows()[0]?.operations, 2);
  assert.equal(rig.sniffer.conversations, 0);
});
