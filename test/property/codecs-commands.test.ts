// Properties of what is read beyond a command's own collection, and of the removed opcodes, under random damage; time-boxed.
// A failure prints its seed. Invariant: nothing but DecodeError comes out, and lazy values never throw.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type BsonDocument,
  DecodeError,
  encodeMessage,
  Frame,
  MAX_USES,
  OPCODE,
  readAnyReply,
  readAnyRequest,
  readCommand,
  readLegacyReference,
  scanCommandReply,
  scanLegacy,
} from '../../codecs/index.ts';
import { readHexFolder } from '../support/hex.ts';
import { describeCommand, describeReply, outcomeOf } from '../unit/codecs/check.ts';

const BOX = { interruptAfterTimeLimit: 1500, numRuns: 100_000, markInterruptAsFailure: false } as const;
const corpus = [...readHexFolder('frames'), ...readHexFolder('malformed/legacy')].map(({ bytes }) => bytes);

/** A frame with some bytes behind its header overwritten, inserted or removed; its length field is right again. */
const damaged = fc
  .tuple(
    fc.constantFrom(...corpus),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('set', 'insert', 'remove'), fc.nat(255)), { maxLength: 4 }),
    fc.option(fc.constantFrom(...Object.values(OPCODE)), { nil: null, freq: 5 }),
  )
  .map(([original, edits, opcode]) => {
    const bytes = [...original];
    for (const [place, kind, value] of edits) {
      const at = 16 + (place % Math.max(bytes.length - 16, 1));
      bytes.splice(at, kind === 'insert' ? 0 : 1, ...(kind === 'remove' ? [] : [value]));
    }
    const message = Buffer.from(bytes);
    message.writeInt32LE(message.length, 0);
    if (opcode !== null) message.writeInt32LE(opcode, 12);
    return message;
  });

test('the wide doors throw DecodeError or nothing, and their lazy values never throw', () => {
  fc.assert(
    fc.property(damaged, (bytes) => {
      outcomeOf((frame) => describeCommand(readAnyRequest(frame)), Frame.of(bytes));
      outcomeOf((frame) => describeReply(readAnyReply(frame)), Frame.of(bytes));
      outcomeOf((frame) => describeReply(readAnyReply(frame, requestOf(bytes))), Frame.of(bytes));
    }),
    BOX,
  );
});

test('what lies behind the frame changes nothing', () => {
  fc.assert(
    fc.property(damaged, fc.uint8Array({ minLength: 8, maxLength: 8 }), (bytes, behind) => {
      const embedded = Buffer.concat([bytes, behind]).subarray(0, bytes.length);
      const read = (frame: Frame): unknown => describeCommand(readAnyRequest(frame));
      const readBack = (frame: Frame): unknown => describeReply(readAnyReply(frame));
      assert.deepEqual(outcomeOf(read, Frame.of(embedded)), outcomeOf(read, Frame.of(bytes)));
      assert.deepEqual(outcomeOf(readBack, Frame.of(embedded)), outcomeOf(readBack, Frame.of(bytes)));
    }),
    BOX,
  );
});

test('whatever a legacy scanner takes, the declared layout reads alike', () => {
  let taken = 0;
  fc.assert(
    fc.property(damaged, (bytes) => {
      const { opcode } = Frame.of(bytes);
      const scan = opcode === OPCODE.commandReply ? scanCommandReply : scanLegacy;
      const layout = attempt(() => scan(bytes, opcode));
      if (layout === null) return;
      taken++;
      const reference = readLegacyReference(bytes);
      const name = reference.namespace ?? reference.database ?? reference.text ?? '';
      assert.equal(layout.namespaceEnd - layout.namespaceStart, name.length);
      const documents = layout.documentsStart < 0 ? 0 : layout.documentsEnd - layout.documentsStart;
      assert.equal(reference.documents?.length ?? 0, documents);
      if (layout.cursorsStart < 0) return;
      const ids = reference.cursorIds ?? [reference.cursorId];
      assert.equal(ids.length, (layout.cursorsEnd - layout.cursorsStart) / 8);
    }),
    BOX,
  );
  assert.ok(taken > 0, 'some damaged frames are still well-formed');
});

const name = fc.constantFrom('a', 'b', 'c', 'd.e');
/** A pipeline and the names that it must give, in any depth. */
const { pipeline } = fc.letrec<{ pipeline: Pipeline; stage: Stage }>((tie) => ({
  pipeline: fc
    .array(tie('stage'), { maxLength: 4, depthIdentifier: 'pipeline' })
    .map((stages) => ({ stages: stages.map(({ stage }) => stage), names: stages.flatMap(({ names }) => names) })),
  stage: fc.oneof(
    { depthSize: 'small', depthIdentifier: 'pipeline', withCrossShrink: true },
    fc.constant({ stage: { $match: { from: 'no' } }, names: [] }),
    name.map((coll) => ({ stage: { $out: coll }, names: [`out ${coll}`] })),
    name.map((coll) => ({ stage: { $merge: { into: { db: 'x', coll } } }, names: [`merge ${coll}`] })),
    name.map((from) => ({ stage: { $graphLookup: { from } }, names: [`graphLookup ${from}`] })),
    fc.tuple(name, tie('pipeline')).map(([from, inner]) => ({
      stage: { $lookup: { from, pipeline: inner.stages } },
      names: [`lookup ${from}`, ...inner.names],
    })),
    fc.tuple(name, tie('pipeline')).map(([coll, inner]) => ({
      stage: { $unionWith: { pipeline: inner.stages, coll } },
      names: [`unionWith ${coll}`, ...inner.names],
    })),
    tie('pipeline').map((inner) => ({ stage: { $facet: { f: inner.stages } }, names: inner.names })),
  ),
}));

interface Stage {
  readonly stage: BsonDocument;
  readonly names: readonly string[];
}
interface Pipeline {
  readonly stages: readonly BsonDocument[];
  readonly names: readonly string[];
}

test('every collection of a generated pipeline is named once, with how often', () => {
  fc.assert(
    fc.property(pipeline, ({ stages, names }) => {
      const message = encodeMessage({ aggregate: 'own', pipeline: stages, $db: 'shop' }, 1, 0);
      const uses = readCommand(Frame.of(message)).namespaces();
      const expected = new Map<string, number>();
      for (const each of names) expected.set(each, (expected.get(each) ?? 0) + 1);
      assert.ok(expected.size < MAX_USES - 1);
      const seen = uses
        .slice(1)
        .map(({ role, collection, statements }) => [`${role} ${collection}`, statements] as const);
      assert.deepEqual(new Map(seen), expected);
    }),
    { ...BOX, numRuns: 3000 },
  );
});

function requestOf(bytes: Buffer): ReturnType<typeof readAnyRequest> | null {
  return attempt(() => readAnyRequest(Frame.of(bytes)));
}

/** The value, or null where it is refused. */
function attempt<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return null;
  }
}
