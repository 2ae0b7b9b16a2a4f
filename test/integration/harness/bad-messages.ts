// Messages that no driver sends, each with what weir must do about it: protocol.md 1.6 as data. It sends nothing.
// Invariant: each is wrong in one way only, the one that its reason names.

import { serialize } from '../../../codecs/index.ts';
import { body, element, forge, int32, query, rawDocument, sequence, stringElement } from './wire-forge.ts';

const FIND = { find: 'orders', filter: {} };
const findBody = body({ ...FIND, $db: 'shop' });
const insertBody = body({ insert: 'orders', $db: 'shop' });
const one = serialize({ _id: 1 });

export interface BadMessage {
  readonly what: string;
  readonly bytes: Buffer;
  readonly reason: string;
  /** Code of the answer; without one there is none. */
  readonly code?: number;
  readonly closes: boolean;
}

const CLOSED_WITHOUT_A_WORD: readonly Omit<BadMessage, 'closes' | 'code'>[] = [
  { what: 'a length of 15', bytes: forge({ sections: [findBody], claimedLength: 15 }), reason: 'length_too_small' },
  { what: 'a length of 0', bytes: Buffer.alloc(16), reason: 'length_too_small' },
  { what: 'a negative length', bytes: forge({ sections: [findBody], claimedLength: -1 }), reason: 'length_too_small' },
  {
    what: 'a length of 48 000 001',
    bytes: forge({ sections: [], claimedLength: 48_000_001 }).subarray(0, 16),
    reason: 'length_too_large',
  },
  {
    what: 'a TLS ClientHello',
    bytes: Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...new Array<number>(40).fill(7)]),
    reason: 'tls',
  },
  ...[0, 1, 1000, 2001, 2002, 2005, 2006, 2007, 2010, 2011, 2014, -1].map((opcode) => ({
    what: `opcode ${opcode}`,
    bytes: forge({ opcode, sections: [findBody] }),
    reason: 'unknown_opcode',
  })),
  {
    what: 'compression that was not agreed upon',
    bytes: forge({ opcode: 2012, sections: [findBody] }),
    reason: 'compressor_not_negotiated',
  },
  { what: 'no room for flags', bytes: forge({ sections: [] }).fill(18, 0, 1).subarray(0, 18), reason: 'bad_layout' },
  { what: 'required flag bit 2', bytes: forge({ flags: 4, sections: [findBody] }), reason: 'unknown_required_flag' },
  {
    what: 'required flag bit 15',
    bytes: forge({ flags: 0x8000, sections: [findBody] }),
    reason: 'unknown_required_flag',
  },
  {
    what: 'three sequences',
    bytes: forge({ sections: [insertBody, ...['a', 'b', 'c'].map((name) => sequence(name, [one]))] }),
    reason: 'too_many_sequences',
  },
  {
    what: 'a wrong checksum',
    bytes: forge({ flags: 1, sections: [findBody], checksum: 'wrong' }),
    reason: 'bad_checksum',
  },
];

const ANSWERED_AND_CLOSED: readonly Omit<BadMessage, 'closes'>[] = [
  { what: 'two bodies', bytes: forge({ sections: [findBody, findBody] }), reason: 'two_bodies', code: 40430 },
  { what: 'no section at all', bytes: forge({ sections: [] }), reason: 'no_body', code: 40587 },
  {
    what: 'a sequence and no body',
    bytes: forge({ sections: [sequence('documents', [one])] }),
    reason: 'no_body',
    code: 40587,
  },
  {
    what: 'section kind 3',
    bytes: forge({ sections: [findBody, Buffer.from([3, 1, 2])] }),
    reason: 'unknown_section',
    code: 40432,
  },
  {
    what: 'section kind 2',
    bytes: forge({ sections: [Buffer.concat([Buffer.from([2]), one]), findBody] }),
    reason: 'security_token_section',
    code: 13,
  },
  {
    what: 'one identifier twice',
    bytes: forge({ sections: [insertBody, sequence('documents', [one]), sequence('documents', [one])] }),
    reason: 'repeated_sequence',
    code: 40431,
  },
  {
    what: 'an identifier that is also a field',
    bytes: forge({ sections: [body({ insert: 'orders', documents: [], $db: 'shop' }), sequence('documents', [one])] }),
    reason: 'sequence_in_body',
    code: 40433,
  },
  ...[0, 4, -1, 1000, 0x7fff_ffff].map((size) => ({
    what: `a sequence that claims ${size} bytes`,
    bytes: forge({ sections: [insertBody, sequence('documents', [one], size)] }),
    reason: 'bad_sequence',
    code: 9,
  })),
  {
    what: 'an identifier without an end',
    bytes: forge({ sections: [insertBody, Buffer.concat([Buffer.from([1]), int32(8), Buffer.from('docs')])] }),
    reason: 'bad_sequence',
    code: 9,
  },
  {
    what: "a sequence's document that runs past its section",
    bytes: forge({ sections: [insertBody, sequence('documents', [Buffer.concat([int32(400), one.subarray(4)])])] }),
    reason: 'bad_sequence',
    code: 9,
  },
];

const db = stringElement('$db', 'shop');
const find = stringElement('find', 'orders');

const ANSWERED: readonly Omit<BadMessage, 'closes'>[] = [
  {
    what: 'a body of length 4',
    bytes: forge({ sections: [body(Buffer.from([4, 0, 0, 0, 0]))] }),
    reason: 'invalid_bson',
    code: 22,
  },
  {
    what: 'a body longer than its message',
    bytes: forge({ sections: [body(Buffer.concat([int32(1000), rawDocument(find, db).subarray(4)]))] }),
    reason: 'invalid_bson',
    code: 22,
  },
  {
    what: 'a body that does not end in 0',
    bytes: forge({ sections: [body(Buffer.concat([rawDocument(find, db).subarray(0, -1), Buffer.from([1])]))] }),
    reason: 'invalid_bson',
    code: 22,
  },
  {
    what: 'a name without an end',
    bytes: forge({
      sections: [body(Buffer.concat([int32(9), Buffer.from([2]), Buffer.from('abc'), Buffer.from([0])]))],
    }),
    reason: 'invalid_bson',
    code: 22,
  },
  {
    what: 'a string of length 0',
    bytes: forge({ sections: [body(rawDocument(element(2, 'find', int32(0)), db))] }),
    reason: 'invalid_bson',
    code: 22,
  },
  {
    what: 'a string longer than its document',
    bytes: forge({
      sections: [body(rawDocument(element(2, 'find', Buffer.concat([int32(5000), Buffer.from('x\0')])), db))],
    }),
    reason: 'invalid_bson',
    code: 22,
  },
  {
    what: 'a string without an end',
    bytes: forge({
      sections: [body(rawDocument(element(2, 'find', Buffer.concat([int32(2), Buffer.from('xy')])), db))],
    }),
    reason: 'invalid_bson',
    code: 22,
  },
  {
    what: 'an unknown type',
    bytes: forge({ sections: [body(rawDocument(find, element(0x20, 'x', int32(1)), db))] }),
    reason: 'invalid_bson',
    code: 22,
  },
  {
    what: 'a nested document longer than its parent',
    bytes: forge({ sections: [body(rawDocument(find, element(3, 'filter', int32(900)), db))] }),
    reason: 'invalid_bson',
    code: 22,
  },
  {
    what: '$db twice',
    bytes: forge({ sections: [body(rawDocument(find, db, db))] }),
    reason: 'duplicate_field',
    code: 40413,
  },
  {
    what: 'the first key twice',
    bytes: forge({ sections: [body(rawDocument(find, db, find))] }),
    reason: 'duplicate_field',
    code: 40413,
  },
  { what: 'an empty command', bytes: forge({ sections: [body({})] }), reason: 'empty_command', code: 59 },
  { what: 'no $db', bytes: forge({ sections: [body(FIND)] }), reason: 'db_missing', code: 40571 },
  ...['', 'a.b', 'a/b', 'a\\b', 'a b', 'a"b', 'a$b', 'x'.repeat(64)].map((name) => ({
    what: `database ${JSON.stringify(name.slice(0, 5))}`,
    bytes: forge({ sections: [body({ ...FIND, $db: name })] }),
    reason: 'db_invalid',
    code: 73,
  })),
  {
    what: '$db of another type',
    bytes: forge({ sections: [body({ ...FIND, $db: 1 })] }),
    reason: 'db_invalid',
    code: 73,
  },
  {
    what: 'a collection of another type',
    bytes: forge({ sections: [body({ find: true, $db: 'shop' })] }),
    reason: 'collection_invalid',
    code: 73,
  },
  {
    what: 'lsid of another type',
    bytes: forge({ sections: [body({ ...FIND, lsid: 1, $db: 'shop' })] }),
    reason: 'field_type',
    code: 14,
  },
  {
    what: '$db in OP_QUERY',
    bytes: query('admin.$cmd', { hello: 1, $db: 'admin' }),
    reason: 'db_in_query',
    code: 40621,
  },
  {
    what: 'OP_QUERY for 2 documents',
    bytes: query('admin.$cmd', { hello: 1 }, 2),
    reason: 'bad_number_to_return',
    code: 16979,
  },
];

export const BAD_MESSAGES: readonly BadMessage[] = [
  ...CLOSED_WITHOUT_A_WORD.map((row) => ({ ...row, closes: true })),
  ...ANSWERED_AND_CLOSED.map((row) => ({ ...row, closes: true })),
  ...ANSWERED.map((row) => ({ ...row, closes: false })),
];
