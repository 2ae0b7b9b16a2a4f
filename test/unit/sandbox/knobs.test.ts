// Latency and failures on demand. Invariant under test: a failure strikes as often as it says.
// That a connection obeys is tested in sandbox.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKnobs, latencyOf, takeFailure } from '../../../src/sandbox/knobs.ts';

test('a failure strikes as often as it says, only its command, in order', () => {
  const knobs = createKnobs({
    failCommands: [
      { command: 'find', times: 2, code: 1 },
      { command: 'insert', times: 1, code: 2 },
      { command: 'find', times: 1, code: 3 },
    ],
  });
  const codes = ['find', 'find', 'find', 'find', 'ping', 'insert', 'insert'].map(
    (name) => takeFailure(knobs, name)?.code,
  );
  assert.deepEqual(codes, [1, 1, 3, undefined, undefined, 2, undefined]);
  assert.deepEqual(knobs.failCommands, []);
});

test('a plain latency spares the handshake, a function decides alone', () => {
  const plain = createKnobs({ latencyMs: 5 });
  assert.deepEqual(
    [latencyOf(plain, 'find', {}), latencyOf(plain, 'hello', {}), latencyOf(plain, 'ping', {})],
    [5, 0, 0],
  );
  const own = createKnobs({ latencyMs: (command) => ('hello' in command ? 7 : -1) });
  assert.deepEqual([latencyOf(own, 'find', {}), latencyOf(own, 'hello', { hello: 1 })], [0, 7]);
});
