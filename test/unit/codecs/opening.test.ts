// What the first bytes of a connection are taken for, however few of them are there.
// Does not test who asks. Invariant: nothing that a driver sends first is taken for TLS or HTTP.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMessage, OPENING_BYTES, startsLikeHttp, tellOpening } from '../../../codecs/index.ts';

const CLIENT_HELLO = Buffer.from('1603010200010001fc0303', 'hex');

test('TLS and HTTP are told by as many bytes as they need, and not by fewer', () => {
  for (const [bytes, expected, needed] of [
    [CLIENT_HELLO, 'tls', OPENING_BYTES],
    [Buffer.from('GET / HTTP/1.1'), 'http', 4],
    [Buffer.from('PRI * HTTP/2.0'), 'http', 4],
    [Buffer.from('TRACE / HTTP/1.1'), 'http', 4],
    [encodeMessage({ ping: 1, $db: 'admin' }, 1, 0), 'message', 4],
  ] as const) {
    for (let length = 0; length <= bytes.length; length++) {
      const given = Buffer.concat([Buffer.from('xx'), bytes.subarray(0, length)]);
      assert.equal(tellOpening(given, 2), length < needed ? 'short' : expected, `${length} bytes of ${expected}`);
    }
  }
});

test('what only begins like TLS is a message', () => {
  for (const [offset, value] of [
    [1, 4],
    [5, 2],
    [9, 0],
    [9, 0xff],
  ] as const) {
    const bytes = Buffer.from(CLIENT_HELLO);
    bytes[offset] = value;
    assert.equal(tellOpening(bytes), 'message');
  }
});

test('methods are told by their first four letters', () => {
  assert.ok(startsLikeHttp(Buffer.from('xDELETE /'), 1));
  for (const text of ['HTTP/1.1 200', 'get / ', 'GETS']) assert.ok(!startsLikeHttp(Buffer.from(text), 0), text);
});
