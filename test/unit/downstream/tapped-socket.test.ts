// What the recorder sees of a client connection of pool mode: the client's own ids and bytes, both ways.
// Does not redact by itself. Invariant: with and without a recording the client gets the same answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMessage, Frame, readCommand, readReply } from '../../../codecs/index.ts';
import { TappedSocket } from '../../../src/downstream/tapped-socket.ts';
import { TurnFlusher } from '../../../src/net/turn-flusher.ts';
import { readRecording } from '../../../src/recording/reader.ts';
import { RECORDING_LIMITS, Recorder } from '../../../src/recording/recorder.ts';
import { MemorySocket } from '../../support/memory-socket.ts';
import { startRig } from '../../support/rig.ts';
import { TestClient } from '../../support/test-client.ts';

test('a request is recorded as the client sent it, an answer as the client gets it', () => {
  const rig = startRig();
  const recorder = new Recorder(rig.clock, 'weir');
  let text = '';
  const sink = {
    write: (piece: string) => {
      text += piece;
      return true;
    },
    finish: () => undefined,
  };
  const socket = new MemorySocket(new TurnFlusher(rig.clock));
  rig.downstream.accept(new TappedSocket(socket, recorder, 'main'));
  const client = new TestClient(socket, rig.clock);
  client.hello('shop');
  // The next one finds an idle connection, so that its id is patched within the turn in which it came.
  client.send({ find: 'orders', $db: 'shop' });
  rig.answer('find');
  recorder.start({ ...RECORDING_LIMITS, client: null, keepsValues: false }, sink);
  client.feed(encodeMessage({ find: 'orders', $db: 'shop' }, 4711, 0));
  rig.answer('find', { cursor: { id: 0, ns: 'shop.orders', firstBatch: [{ a: 'b' }] } });
  socket.hangUp();
  const chunks = [...readRecording(text)].filter((item) => item.kind === 'chunk');
  assert.equal(chunks.length, 2);
  const [asked, answered] = chunks.map(({ bytes }) => Frame.of(bytes));
  assert.ok(asked !== undefined && answered !== undefined);
  assert.equal(readCommand(asked).collection, 'orders');
  assert.deepEqual([asked.requestId, answered.responseTo], [4711, 4711]);
  assert.equal(readReply(answered).batchCount, 1);
  assert.match(text, /^\+0\.000 1 end peer_closed$/m);
});
