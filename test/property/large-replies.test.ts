// Replies of random sizes around the buffer, cut at random places, to readers of random patience: what arrives is what was sent,
// and what is counted is what was sent. Seeds are printed, WEIR_SEED repeats a run.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BsonDocument, Int32 } from '../../codecs/index.ts';
import { assertNothingLeftInRig } from '../support/leaks.ts';
import { startRig } from '../support/rig.ts';
import { batchReply } from '../support/test-client.ts';

const BUFFER_BYTES = 20_000;

interface Round {
  /** Lengths of the documents' texts. */
  readonly texts: readonly number[];
  /** Where the reply is cut, as parts of a thousand. */
  readonly cuts: readonly number[];
  /** The reader takes nothing before this many parts have come. */
  readonly stuckFor: number;
}

const ROUND: fc.Arbitrary<Round> = fc.record({
  texts: fc.array(fc.oneof(fc.nat(2000), fc.nat(400_000)), { maxLength: 14, size: 'max' }),
  cuts: fc.array(fc.nat(1000), { maxLength: 12 }),
  stuckFor: fc.nat(12),
});

function piecesOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => Math.floor((bytes.length * cut) / 1000)))].sort((a, b) => a - b);
  const ends = [...places, bytes.length];
  return ends.map((end, at) => Buffer.from(bytes.subarray(ends[at - 1] ?? 0, end)));
}

test('replies of all sizes arrive as they were sent, and are counted', (t) => {
  const given = Number(process.env['WEIR_SEED']);
  const seed = Number.isInteger(given) && given > 0 ? given : Date.now() & 0x7fff_ffff;
  let passed = 0;
  const property = fc.property(fc.array(ROUND, { minLength: 1, maxLength: 4 }), (rounds) => {
    const rig = startRig({ pool: { maxConnections: 1, replyBufferBytes: BUFFER_BYTES } });
    const client = rig.app('reader');
    let returned = 0;
    for (const { texts, cuts, stuckFor } of rounds) {
      const documents: BsonDocument[] = texts.map((length, at) => ({ at: new Int32(at), text: 'y'.repeat(length) }));
      returned += documents.length;
      const id = client.send({ find: 'orders' });
      const request = rig.server.take('find');
      request.isAnswered = true;
      const bytes = request.encodeReply(batchReply(0, 'orders', documents));
      client.socket.isStuck = true;
      for (const [at, piece] of piecesOf(bytes, cuts).entries()) {
        if (at === stuckFor) client.socket.unstick();
        if (piece.length > 0) request.connection.socket.feed(piece);
        rig.settle();
      }
      client.socket.unstick();
      rig.settle();
      passed += bytes.length > BUFFER_BYTES ? 1 : 0;
      const arrived = client.raw.at(-1)?.bytes;
      assert.equal(arrived?.readInt32LE(8), id);
      bytes.writeInt32LE(id, 8);
      assert.ok(arrived?.equals(bytes), `${bytes.length} bytes`);
    }
    assert.equal(rig.table.totals.documentsReturned, returned);
    client.close();
    assertNothingLeftInRig(rig);
  });
  fc.assert(property, { seed, numRuns: 10_000, interruptAfterTimeLimit: 4000, markInterruptAsFailure: false });
  t.diagnostic(`seed ${seed}, ${passed} above the buffer`);
  assert.ok(passed > 0, 'no reply was above the buffer');
});
