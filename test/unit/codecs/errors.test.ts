// The table of reasons against the wire rules, and the small tables beside it.
// Does not provoke the reasons: the malformed fixtures do, and this test sees that none is missing.
// Invariant: a reason without a fixture fails here.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DECODE_REASONS,
  DecodeError,
  type DecodeReason,
  encodeMessage,
  Frame,
  isKnownOpcode,
  MAX_DOCUMENT_BYTES,
  OPCODE,
  opcodeName,
  readCommand,
  serialize,
} from '../../../codecs/index.ts';
import { readHexFolder } from '../../support/hex.ts';

test('reactions and codes are those of the server', () => {
  const expected: Partial<Record<DecodeReason, readonly [string, number]>> = {
    length_too_small: ['close', 0],
    length_too_large: ['close', 0],
    unknown_opcode: ['close', 0],
    unknown_required_flag: ['close', 223],
    too_many_sequences: ['close', 233],
    bad_checksum: ['close', 288],
    two_bodies: ['reply_close', 40430],
    no_body: ['reply_close', 40587],
    unknown_section: ['reply_close', 40432],
    repeated_sequence: ['reply_close', 40431],
    sequence_in_body: ['reply_close', 40433],
    invalid_bson: ['reply', 22],
    duplicate_field: ['reply', 40413],
    db_missing: ['reply', 40571],
    db_invalid: ['reply', 73],
    db_in_query: ['reply', 40621],
    collection_invalid: ['reply', 73],
  };
  for (const [reason, [reaction, code]] of Object.entries(expected)) {
    const error = new DecodeError(reason as DecodeReason, 5);
    assert.deepEqual([error.reaction, error.code, error.offset], [reaction, code, 5], reason);
  }
  assert.equal(new DecodeError('db_invalid', 0).codeName, 'InvalidNamespace');
});

test('every reason has a malformed fixture', () => {
  const provoked = new Set(readHexFolder('malformed').map(({ text }) => /^# expect: (\w+)/.exec(text)?.[1]));
  // No request can lack an ok, 16 MB are made below, and the last two depend on the process and the connection.
  const made = new Set(['no_ok', 'document_too_large', 'compressor_unavailable', 'compressor_not_negotiated']);
  const missing = Object.keys(DECODE_REASONS).filter((reason) => !made.has(reason) && !provoked.has(reason));
  assert.deepEqual(missing, []);
});

test('a command document has a largest size', () => {
  const ofSize = (size: number): Frame => {
    const rest = serialize({ insert: 'a', pad: Buffer.alloc(0), $db: 'd' }).length;
    return Frame.of(encodeMessage({ insert: 'a', pad: Buffer.alloc(size - rest), $db: 'd' }, 1, 0));
  };
  assert.equal(readCommand(ofSize(MAX_DOCUMENT_BYTES)).name, 'insert');
  assert.throws(() => readCommand(ofSize(MAX_DOCUMENT_BYTES + 1)), { reason: 'document_too_large' });
});

test('what cannot be BSON is a DecodeError too', () => {
  assert.throws(() => serialize({ pad: Buffer.alloc(20_000_000) }), { reason: 'invalid_bson' });
});

test('opcodes have names, and a hostile number has the name unknown', () => {
  assert.equal(opcodeName(2013), 'OP_MSG');
  assert.equal(opcodeName(31337), 'unknown');
  for (const opcode of Object.values(OPCODE)) {
    assert.ok(isKnownOpcode(opcode) && opcodeName(opcode) !== 'unknown');
  }
  assert.equal(isKnownOpcode(0), false);
});
