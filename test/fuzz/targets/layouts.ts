// Where a hand-written scanner stands beside a declared layout, the two must refuse the same messages and read the
// same from the others.
// Invariant: a target throws a plain error where they differ; the rules are in layout-rules.ts.

import assert from 'node:assert/strict';
import {
  DecodeError,
  type Frame,
  readCompressedHeader,
  readHeaderReference,
  scanCommandReply,
  scanLegacy,
  scanOpMsg,
  scanOpQuery,
  scanOpReply,
} from '../../../codecs/index.ts';
import { compressedByRules, legacyByRules, opMsgByRules, opQueryByRules, opReplyByRules } from '../layout-rules.ts';
import type { Target } from '../target.ts';
import { compressedMessages } from './compressed.ts';
import { frameTarget } from './messages.ts';

/** What the scanner gives, or its refusal. */
function scan<T>(read: () => T): T | DecodeError {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) {
      return error;
    }
    throw error;
  }
}

/** Compares one message; returns what was read, a refusal as its reason. */
function compare<S, R>(
  scanned: S | DecodeError,
  reference: R | null,
  same: (scanned: S, reference: R) => void,
): unknown {
  if (scanned instanceof DecodeError || reference === null) {
    const refusedByBoth = scanned instanceof DecodeError && reference === null;
    assert.ok(
      refusedByBoth,
      `scanner ${refusal(scanned)}, layout and rules ${reference === null ? 'refuse' : 'take'} it`,
    );
    return refusal(scanned);
  }
  same(scanned, reference);
  return scanned;
}

const refusal = (scanned: unknown): string => (scanned instanceof DecodeError ? scanned.reason : 'takes it');

function compareHeader(frame: Frame): void {
  const { messageLength, ...ids } = readHeaderReference(frame.bytes);
  assert.deepEqual({ requestId: frame.requestId, responseTo: frame.responseTo, opcode: frame.opcode }, ids);
  assert.equal(frame.bytes.readInt32LE(0), messageLength);
}

function compareOpMsg({ bytes }: Frame): unknown {
  return compare(
    scan(() => scanOpMsg(bytes)),
    opMsgByRules(bytes),
    (scanned, { flagBits, sections }) => {
      assert.equal(scanned.flagBits >>> 0, flagBits >>> 0);
      const body = sections.find(({ kind }) => kind === 0)?.body;
      assert.deepEqual(bytes.subarray(scanned.bodyStart, scanned.bodyEnd), body);
      const seen = scanned.sequences.map(({ nameStart, nameEnd, documentsStart, documentsEnd }) => [
        bytes.subarray(nameStart, nameEnd),
        bytes.subarray(documentsStart, documentsEnd),
      ]);
      const sequences = sections.filter(({ kind }) => kind === 1);
      assert.deepEqual(
        seen,
        sequences.map(({ identifier, documents }) => [identifier, documents]),
      );
    },
  );
}

function compareOpQuery({ bytes }: Frame): unknown {
  return compare(
    scan(() => scanOpQuery(bytes)),
    opQueryByRules(bytes),
    (scanned, reference) => {
      const { flags, namespaceStart, namespaceEnd, numberToReturn, queryStart, queryEnd } = scanned;
      assert.deepEqual([flags, numberToReturn], [reference.flags, reference.numberToReturn]);
      assert.equal(bytes.toString('latin1', namespaceStart, namespaceEnd), reference.namespace);
      const length = reference.documents.readInt32LE(0);
      assert.deepEqual(bytes.subarray(queryStart, queryEnd), reference.documents.subarray(0, length));
    },
  );
}

function compareOpReply({ bytes }: Frame): unknown {
  return compare(
    scan(() => scanOpReply(bytes)),
    opReplyByRules(bytes),
    (scanned, { flags, documents }) => {
      assert.equal(scanned.flags, flags);
      assert.deepEqual(bytes.subarray(scanned.bodyStart, scanned.bodyEnd), documents);
    },
  );
}

function compareCompressed(frame: Frame): unknown {
  return compare(
    scan(() => readCompressedHeader(frame)),
    compressedByRules(frame.bytes),
    ({ originalOpcode, uncompressedSize, compressorId }, reference) => {
      const declared = [reference.originalOpcode, reference.uncompressedSize, reference.compressorId];
      assert.deepEqual([originalOpcode, uncompressedSize, compressorId], declared);
    },
  );
}

const OP_COMMANDREPLY = 2011;

function compareLegacy({ bytes, opcode }: Frame): unknown {
  return compare(
    scan(() => (opcode === OP_COMMANDREPLY ? scanCommandReply(bytes) : scanLegacy(bytes, opcode))),
    legacyByRules(bytes),
    (scanned, reference) => {
      const text = (start: number, end: number): string => (start < 0 ? '' : bytes.toString('latin1', start, end));
      const range = (start: number, end: number): Buffer => (start < 0 ? Buffer.alloc(0) : bytes.subarray(start, end));
      const names = [reference.namespace ?? reference.database ?? reference.text ?? '', reference.command ?? ''];
      assert.deepEqual(
        [text(scanned.namespaceStart, scanned.namespaceEnd), text(scanned.commandStart, scanned.commandEnd)],
        names,
      );
      assert.deepEqual(range(scanned.documentsStart, scanned.documentsEnd), reference.documents ?? Buffer.alloc(0));
      const ids = reference.cursorIds ?? (reference.cursorId === undefined ? [] : [reference.cursorId]);
      const cursors = Buffer.from(BigInt64Array.from(ids).buffer);
      assert.deepEqual(range(scanned.cursorsStart, scanned.cursorsEnd), cursors);
    },
  );
}

/** Every message is read as each kind: a scanner does not look at the opcode; only the removed ones do. */
function compareAll(frame: Frame): unknown {
  compareHeader(frame);
  return [
    compareOpMsg(frame),
    compareOpQuery(frame),
    compareOpReply(frame),
    compareCompressed(frame),
    compareLegacy(frame),
  ];
}

export const LAYOUT_TARGETS: readonly Target[] = [
  frameTarget('layouts', compareAll, {
    seeds: (corpus) => [...corpus.messages, ...compressedMessages(corpus)],
  }),
];
