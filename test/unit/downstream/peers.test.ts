// Which connections count as one process. Invariant tested: a peer is known exactly while it has a connection.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer } from '../../../src/core/client.ts';
import { Peers } from '../../../src/downstream/peers.ts';

test('the last connection ends a peer, and the next one is a new one', () => {
  const gone: Peer[] = [];
  const peers = new Peers((peer) => gone.push(peer));
  const first = peers.join('10.0.0.1', 'x');
  assert.equal(peers.join('10.0.0.1', 'x'), first);
  for (const [address, metadata] of [
    ['10.0.0.1', 'y'],
    ['10.0.0.2', 'x'],
    ['10.0.0.1', ''],
  ] as const) {
    assert.notEqual(peers.join(address, metadata), first);
  }
  peers.leave(first);
  assert.deepEqual(gone, []);
  peers.leave(first);
  assert.deepEqual(gone, [first]);
  assert.notEqual(peers.join('10.0.0.1', 'x'), first);
  assert.equal([...peers.all()].length, 4);
});

test('a connection of its own is like no other, and its end is told', () => {
  const gone: Peer[] = [];
  const peers = new Peers((peer) => gone.push(peer));
  const [first, second] = [peers.single('10.0.0.1'), peers.single('10.0.0.1')];
  assert.notEqual(first, second);
  assert.deepEqual([first.isConnection, peers.join('10.0.0.1', '').isConnection], [true, false]);
  peers.leave(first);
  assert.deepEqual(gone, [first]);
  assert.equal([...peers.all()].length, 1);
});
