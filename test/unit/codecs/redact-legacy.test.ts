// Redaction of OP_QUERY and of the opcodes that were removed from servers.
// Does not look at OP_MSG. Invariant: no value comes out, the comment in a selector does.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, Frame, readAnyRequest, serialize } from '../../../codecs/index.ts';
import { assertHidden, CLIENT, encodeQuery, redact, SECRET, values } from './redaction.ts';

describe('removed opcodes', () => {
  function legacy(opcode: number, ...parts: (Buffer | BsonDocument)[]): Buffer {
    const message = Buffer.concat([
      Buffer.alloc(16),
      ...parts.map((part) => (Buffer.isBuffer(part) ? part : serialize(part))),
    ]);
    message.writeInt32LE(message.length, 0);
    message.writeInt32LE(opcode, 12);
    return message;
  }
  const zero = Buffer.alloc(4);
  const namespace = Buffer.from('d.c\0');
  const selector = { a: SECRET, $comment: 'place' };
  const cases: readonly (readonly [string, Buffer])[] = [
    ['OP_UPDATE', legacy(2001, zero, namespace, zero, selector, values)],
    ['OP_INSERT', legacy(2002, zero, namespace, values, values)],
    ['OP_DELETE', legacy(2006, zero, namespace, zero, selector)],
    ['OP_QUERY', encodeQuery('d.c', selector, values)],
    ['OP_QUERY $query', encodeQuery('d.c', { $query: { a: SECRET }, $comment: 'place', $orderby: values })],
    ['OP_COMMAND', legacy(2010, Buffer.from('d\0find\0'), { x: SECRET }, { find: 'c', filter: values }, values)],
  ];
  for (const [name, message] of cases) {
    test(name, () => {
      const redacted = redact(message, CLIENT);
      assertHidden(redacted, name);
      assert.equal(redacted.length, message.length);
      assert.equal(readAnyRequest(Frame.of(redacted)).namespaceDatabase || 'd', 'd');
      const isPlaced = message.includes('place');
      if (isPlaced) assert.ok(redacted.includes('place'), 'the comment stays');
      assert.ok(redact(message, { ...CLIENT, keepsValues: true }).equals(message), 'raw');
    });
  }

  test('numbers only: unchanged; old diagnostic text: x, unknown opcodes: zeros', () => {
    for (const opcode of [2005, 2007]) {
      const message = legacy(opcode, zero, namespace, zero, Buffer.alloc(8, 7));
      assert.ok(redact(message, CLIENT).equals(message));
    }
    assert.ok(
      redact(legacy(1000, Buffer.from(`${SECRET}\0`)), CLIENT)
        .subarray(16)
        .equals(Buffer.from('xxxxxxxxx\0')),
    );
    for (const opcode of [1000, 2013, 4711]) {
      assert.ok(
        redact(legacy(opcode, Buffer.from(SECRET)), CLIENT)
          .subarray(16)
          .every((byte) => byte === 0),
      );
    }
  });
});
