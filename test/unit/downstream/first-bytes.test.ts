// TLS and HTTP on the MongoDB port: recognised however they are cut, and no request is mistaken for one of them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeMessage } from '../../../codecs/index.ts';
import { FirstBytes, type ForeignProtocol, HTTP_ANSWER } from '../../../src/downstream/first-bytes.ts';
import { startRig } from '../../support/rig.ts';
import { encodeQuery } from '../../support/test-client.ts';

const CLIENT_HELLO = Buffer.from('1603010200010001fc0303'.padEnd(120, '7a'), 'hex');

/** What is found, fed in two pieces; the second is empty where the cut is at the end. */
function found(bytes: Buffer, cut: number): ForeignProtocol | null {
  const first = new FirstBytes();
  return first.push(bytes.subarray(0, cut)) ?? first.push(bytes.subarray(cut));
}

function foundByteByByte(bytes: Buffer): ForeignProtocol | null {
  const first = new FirstBytes();
  for (const byte of bytes) {
    const protocol = first.push(Buffer.from([byte]));
    if (protocol !== null) return protocol;
  }
  return null;
}

/** A ping whose length, or id, begins like a TLS record. */
function pingOfLength(length: number): Buffer {
  const bytes = encodeMessage({ ping: 1, comment: '', $db: 'admin' }, 1, 0);
  return encodeMessage({ ping: 1, comment: 'x'.repeat(length - bytes.length), $db: 'admin' }, 0x0303_0100, 0);
}

describe('first bytes', () => {
  const foreign: readonly (readonly [string, Buffer, ForeignProtocol])[] = [
    ['a ClientHello', CLIENT_HELLO, 'tls'],
    ['GET', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'http'],
    ['HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'http'],
    ...['POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE'].map(
      (method) => [method, Buffer.from(`${method} /x HTTP/1.1\r\n\r\n`), 'http'] as const,
    ),
  ];
  for (const [what, bytes, expected] of foreign) {
    test(`${what} is ${expected}, cut anywhere`, () => {
      for (let cut = 0; cut <= bytes.length; cut++) assert.equal(found(bytes, cut), expected, `cut at ${cut}`);
      assert.equal(foundByteByByte(bytes), expected);
    });
  }

  const messages: readonly (readonly [string, Buffer])[] = [
    ['a ping', encodeMessage({ ping: 1, $db: 'admin' }, 1, 0)],
    ['a legacy hello', encodeQuery({ isMaster: 1 }, 1, { namespace: 'admin.$cmd', numberToReturn: -1 })],
    ['a message as long as a TLS record', pingOfLength(0x0001_0316)],
    ['a message of 22 bytes', Buffer.from([0x16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xdd, 7, 0, 0, 0, 0, 0, 0, 0, 0])],
  ];
  for (const [what, bytes] of messages) {
    test(`${what} is a message, cut anywhere`, () => {
      for (let cut = 0; cut <= 64; cut++)
        assert.equal(found(bytes, Math.min(cut, bytes.length)), null, `cut at ${cut}`);
      assert.equal(foundByteByByte(bytes.subarray(0, 64)), null);
    });
  }

  test('nothing later than the beginning is looked at', () => {
    const first = new FirstBytes();
    assert.equal(first.push(encodeMessage({ ping: 1, $db: 'admin' }, 1, 0)), null);
    assert.equal(first.push(CLIENT_HELLO), null);
    assert.equal(first.push(Buffer.from('GET / HTTP/1.1')), null);
  });
});

describe('a pool mode connection', () => {
  test('answers HTTP with a short text and closes, counted', () => {
    const rig = startRig();
    const client = rig.connectClient();
    let answer = '';
    client.socket.onWritten = (bytes) => {
      answer += bytes.toString('latin1');
    };
    client.feed(Buffer.from('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'));
    assert.equal(answer, HTTP_ANSWER.toString('latin1'));
    const [head, text] = answer.split('\r\n\r\n');
    assert.match(head ?? '', /^HTTP\/1\.0 200 OK\r\n/);
    assert.match(head ?? '', new RegExp(`Content-Length: ${(text ?? '').length}$`));
    assert.match(text ?? '', /admin address/);
    assert.equal(client.isClosed, true);
    assert.deepEqual([...rig.downstream.closed.counts], [['http', 1]]);
    assert.deepEqual([...rig.decodeErrors.counts], [['downstream|http', 1]]);
  });

  test('closes TLS without a word, counted', () => {
    const rig = startRig();
    const client = rig.connectClient();
    client.feed(CLIENT_HELLO.subarray(0, 5));
    assert.equal(client.isClosed, false);
    client.feed(CLIENT_HELLO.subarray(5));
    assert.equal(client.isClosed, true);
    assert.deepEqual(client.raw, []);
    assert.deepEqual([...rig.downstream.closed.counts], [['tls', 1]]);
    assert.deepEqual([...rig.decodeErrors.counts], [['downstream|tls', 1]]);
  });
});
