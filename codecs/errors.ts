// The one table of what can be wrong with bytes, and how a peer is told.
// Does not send or log anything: the connection that fed the codec reacts.
// Invariant: a codec throws DecodeError and nothing else, whatever the bytes are;
// its message never contains bytes from the wire.

/** close: drop the connection without an answer. reply_close: answer the error, then close. reply: answer, keep it. */
export type DecodeReaction = 'close' | 'reply_close' | 'reply';

/** What is known of a reason: the reaction, the MongoDB error code (0: none) and a fixed sentence. */
export interface DecodeRule {
  readonly reaction: DecodeReaction;
  readonly code: number;
  readonly codeName: string;
  readonly message: string;
}

function rule(reaction: DecodeReaction, code: number, codeName: string, message: string): DecodeRule {
  return { reaction, code, codeName, message };
}

/** The closed set of what can be wrong; also the value of metric labels. */
export type DecodeReason =
  | 'length_too_small'
  | 'length_too_large'
  | 'unknown_opcode'
  | 'bad_layout'
  | 'unknown_required_flag'
  | 'too_many_sequences'
  | 'bad_checksum'
  | 'two_bodies'
  | 'no_body'
  | 'unknown_section'
  | 'security_token_section'
  | 'repeated_sequence'
  | 'sequence_in_body'
  | 'bad_sequence'
  | 'document_too_large'
  | 'invalid_bson'
  | 'duplicate_field'
  | 'empty_command'
  | 'field_type'
  | 'db_missing'
  | 'db_invalid'
  | 'db_in_query'
  | 'collection_invalid'
  | 'bad_number_to_return'
  | 'no_ok'
  | 'bad_compressed_size'
  | 'nested_compression'
  | 'unknown_compressor'
  | 'compressor_unavailable'
  | 'compressor_not_negotiated'
  | 'inflate_failed';

/** Codes are the ones mongod answers (or logs while it closes) for the same input. */
export const DECODE_REASONS: Readonly<Record<DecodeReason, DecodeRule>> = {
  length_too_small: rule('close', 0, '', 'message length is below the 16 bytes of a header'),
  length_too_large: rule('close', 0, '', 'message length is above the limit'),
  unknown_opcode: rule('close', 0, '', 'opcode is unknown or not allowed here'),
  bad_layout: rule('close', 22, 'InvalidBSON', 'message ends before its fixed fields do'),
  unknown_required_flag: rule('close', 223, 'IllegalOpMsgFlag', 'an unknown required flag bit is set'),
  too_many_sequences: rule('close', 233, 'TooManyDocumentSequences', 'more than two document sequences'),
  bad_checksum: rule('close', 288, 'ChecksumMismatch', 'checksum does not match the message'),
  two_bodies: rule('reply_close', 40430, 'Location40430', 'more than one body section'),
  no_body: rule('reply_close', 40587, 'Location40587', 'no body section'),
  unknown_section: rule('reply_close', 40432, 'Location40432', 'unknown section kind'),
  security_token_section: rule('reply_close', 13, 'Unauthorized', 'security token sections are not accepted'),
  repeated_sequence: rule('reply_close', 40431, 'Location40431', 'two document sequences have the same identifier'),
  sequence_in_body: rule('reply_close', 40433, 'Location40433', 'a sequence identifier is also a field of the body'),
  bad_sequence: rule('reply_close', 9, 'FailedToParse', 'a document sequence is malformed'),
  document_too_large: rule('reply', 10334, 'BSONObjectTooLarge', 'the command document is above the limit'),
  invalid_bson: rule('reply', 22, 'InvalidBSON', 'BSON is malformed'),
  duplicate_field: rule('reply', 40413, 'IDLDuplicateField', 'a top-level field appears twice'),
  empty_command: rule('reply', 59, 'CommandNotFound', 'the command document is empty'),
  field_type: rule('reply', 14, 'TypeMismatch', 'a field of the command has the wrong type'),
  db_missing: rule('reply', 40571, 'Location40571', 'OP_MSG requests require a $db argument'),
  db_invalid: rule('reply', 73, 'InvalidNamespace', 'database name is not valid'),
  db_in_query: rule('reply', 40621, 'Location40621', '$db is not allowed in OP_QUERY requests'),
  collection_invalid: rule('reply', 73, 'InvalidNamespace', 'collection name is not a valid string'),
  bad_number_to_return: rule('reply', 16979, 'Location16979', 'OP_QUERY commands must have numberToReturn 1 or -1'),
  no_ok: rule('close', 0, '', 'reply has no ok field'),
  bad_compressed_size: rule('close', 0, '', 'a compressed message does not have the size that it declares'),
  nested_compression: rule('close', 0, '', 'a compressed message holds another compressed message'),
  unknown_compressor: rule('close', 0, '', 'compressor id is reserved'),
  compressor_unavailable: rule('close', 0, '', 'compressor is not available in this process'),
  compressor_not_negotiated: rule('close', 0, '', 'compressor was not agreed upon on this connection'),
  inflate_failed: rule('close', 0, '', 'compressed bytes are malformed'),
};

/** The only error that a codec throws. `offset` is where in the message (or document) the bytes stopped making sense. */
export class DecodeError extends Error {
  readonly reason: DecodeReason;
  readonly offset: number;

  constructor(reason: DecodeReason, offset: number) {
    super(DECODE_REASONS[reason].message);
    this.name = 'DecodeError';
    this.reason = reason;
    this.offset = offset;
  }

  get reaction(): DecodeReaction {
    return DECODE_REASONS[this.reason].reaction;
  }

  /** MongoDB error code, 0 where mongod closes without one. */
  get code(): number {
    return DECODE_REASONS[this.reason].code;
  }

  get codeName(): string {
    return DECODE_REASONS[this.reason].codeName;
  }
}

/** Throws; a function call keeps the throwing path out of the scanners' hot code. */
export function refuse(reason: DecodeReason, offset: number): never {
  throw new DecodeError(reason, offset);
}
