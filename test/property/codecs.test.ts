// Properties of framing and of the message scanners under random cuts and random damage; time-boxed.
// Does not look into BSON values: codecs-bson.test.ts does. A failure prints its seed.
// Invariant: the fast scanner and the declared layout, judged by the rules of fuzz/layout-rules.ts, agree on every input.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BsonView, encodeMessage, Frame, readCommand, readReply, scanOpMsg } from '../../codecs/index.ts';
import { opMsgByRules } from '../fuzz/layout-rules.ts';
import { readHexFolder } from '../support/hex.ts';
import { cutAt, describeCommand, describeReply, frameAll, outcomeOf } from '../unit/codecs/check.ts';

const BOX = { interruptAfterTimeLimit: 1500, numRuns: 100_000, markInterruptAsFailure: false } as const;
const corpus = readHexFolder('frames').map(({ bytes }) => bytes);
const malformed = readHexFolder('malformed').map(({ bytes }) => bytes);

/** A frame of the corpus with some bytes overwritten, inserted or removed; its length field is right again. */
const damaged = fc
  .tuple(
    fc.constantFrom(...corpus, ...malformed.filter((bytes) => bytes.length > 20)),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('set', 'insert', 'remove'), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([original, edits]) => {
    const bytes = [...original];
    for (const [place, kind, value] of edits) {
      const at = 16 + (place % Math.max(bytes.length - 16, 1));
      bytes.splice(at, kind === 'insert' ? 0 : 1, ...(kind === 'remove' ? [] : [value]));
    }
    const message = Buffer.from(bytes);
    message.writeInt32LE(message.length, 0);
    return message;
  });

test('framing does not depend on where the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...corpus), { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(), { maxLength: 30 }),
      (messages, places) => {
        const stream = Buffer.concat(messages);
        const cuts = [...new Set(places.map((place) => place % stream.length))].sort((a, b) => a - b);
        const frames = frameAll(cutAt(stream, cuts));
        assert.deepEqual(
          frames.map(({ bytes }) => bytes),
          messages,
        );
      },
    ),
    BOX,
  );
});

test('readers throw DecodeError or nothing, and their lazy values never throw', () => {
  fc.assert(
    fc.property(damaged, (bytes) => {
      outcomeOf((frame) => describeCommand(readCommand(frame)), Frame.of(bytes));
      outcomeOf((frame) => describeReply(readReply(frame)), Frame.of(bytes));
    }),
    BOX,
  );
});

test('what lies behind the frame changes nothing', () => {
  fc.assert(
    fc.property(damaged, fc.uint8Array({ minLength: 8, maxLength: 8 }), (bytes, behind) => {
      const embedded = Buffer.concat([bytes, behind]).subarray(0, bytes.length);
      const read = (frame: Frame): unknown => describeCommand(readCommand(frame));
      assert.deepEqual(outcomeOf(read, Frame.of(embedded)), outcomeOf(read, Frame.of(bytes)));
    }),
    BOX,
  );
});

test('OP_MSG: the scanner refuses exactly what the declared layout and the rules refuse', () => {
  let accepted = 0;
  fc.assert(
    fc.property(damaged, (bytes) => {
      const reference = opMsgByRules(bytes);
      const scanned = outcomeOf(() => scanOpMsg(bytes), Frame.of(bytes));
      assert.equal(typeof scanned === 'object', reference !== null, String(scanned));
      if (reference !== null) {
        accepted++;
        const layout = scanOpMsg(bytes);
        const body = reference.sections.find(({ kind }) => kind === 0)?.body;
        assert.deepEqual(bytes.subarray(layout.bodyStart, layout.bodyEnd), body);
        assert.equal(layout.sequences.length, reference.sections.length - 1);
      }
    }),
    BOX,
  );
  assert.ok(accepted > 0, 'some damaged frames are still well-formed');
});

test('what is encoded is read back', () => {
  const names = fc
    .string({ minLength: 1, maxLength: 20 })
    .filter((name) => !name.includes('\0') && name !== '__proto__');
  fc.assert(
    fc.property(fc.integer(), fc.integer(), names, fc.string(), (requestId, responseTo, collection, comment) => {
      const bytes = encodeMessage({ find: collection, comment, $db: 'shop' }, requestId, responseTo);
      const frame = Frame.of(bytes);
      const view = readCommand(frame);
      assert.deepEqual([frame.requestId, frame.responseTo], [requestId, responseTo]);
      assert.equal(view.collection, Buffer.from(collection).toString());
      assert.equal(view.commentValue, Buffer.from(comment).toString());
      assert.equal(new BsonView(view.body).getString('find'), view.collection);
    }),
    BOX,
  );
});
