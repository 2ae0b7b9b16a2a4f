// Reads that nobody needs any more share their memory; reads still on their way keep theirs.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ReadMemory } from '../../../src/net/read-memory.ts';

describe('the memory of a socket', () => {
  test('is the same one for small reads that nobody needs any more', () => {
    const memory = new ReadMemory();
    const first = memory.current;
    assert.equal(first.length, 4096);
    for (let i = 0; i < 3; i++) memory.onRead(200, false);
    assert.equal(memory.current, first);
  });

  test('is another one while the bytes are on their way', () => {
    const memory = new ReadMemory();
    const first = memory.current;
    memory.onRead(200, true);
    assert.notEqual(memory.current, first);
    assert.equal(memory.current.length, 4096);
  });

  test('grows when a read fills it and shrinks when little comes, so that idle connections keep little', () => {
    const memory = new ReadMemory();
    memory.onRead(4096, false);
    const large = memory.current;
    assert.equal(large.length, 65_536);
    memory.onRead(65_536, false);
    memory.onRead(5000, false);
    assert.equal(memory.current, large);
    memory.onRead(4095, false);
    assert.equal(memory.current.length, 4096);
  });

  test('gives little as a copy and much as it is', () => {
    const memory = new ReadMemory();
    const first = memory.current;
    first.fill(1);
    const little = memory.take(300);
    assert.equal(memory.current, first);
    first.fill(2);
    assert.deepEqual(little, Buffer.alloc(300, 1));
    const much = memory.take(4096);
    assert.equal(much.buffer, first.buffer);
    assert.notEqual(memory.current.buffer, first.buffer);
  });
});
