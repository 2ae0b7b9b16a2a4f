// The one door to the `bson` package: values to bytes and back.
// Does not scan: whoever needs one field of a message uses the cursors instead.
// Invariant: nothing outside this folder imports `bson`.

import {
  Binary,
  deserialize as bsonDeserialize,
  serialize as bsonSerialize,
  type Document,
  Double,
  Int32,
  Long,
  ObjectId,
  Timestamp,
  UUID,
} from 'bson';
import { refuseDeep } from './depth.ts';
import { DecodeError, refuse } from './errors.ts';

export { Binary, Double, Int32, Long, ObjectId, Timestamp, UUID };

/** A BSON document as a plain object. */
export type BsonDocument = Document;

/**
 * Bytes of a document. Plain JS numbers become int32 where they fit, else double: use Int32, Double, Long where the
 * wire demands a type.
 * @throws DecodeError invalid_bson where a value cannot be written (a re-encode of what a peer sent may meet that).
 */
export function serialize(document: BsonDocument): Buffer {
  try {
    return Buffer.from(bsonSerialize(document, { ignoreUndefined: true }));
  } catch {
    // Values that came from the wire may be impossible to write again: too large, a foreign `_bsontype`, a bad vector.
    return refuse('invalid_bson', 0);
  }
}

/** Plain values: int32, double and small int64 become numbers, large int64 bigger than 2^53 a Long. @throws DecodeError */
export function deserialize(bytes: Uint8Array): BsonDocument {
  return decode(bytes, true);
}

/** Keeps the BSON type of every value, for an edit and a re-encode that change nothing else. @throws DecodeError */
export function deserializeExact(bytes: Uint8Array): BsonDocument {
  return decode(bytes, false);
}

function decode(bytes: Uint8Array, promote: boolean): BsonDocument {
  try {
    refuseDeep(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return bsonDeserialize(bytes, {
      promoteValues: promote,
      promoteLongs: promote,
      bsonRegExp: !promote,
      validation: { utf8: false },
    });
  } catch (error) {
    return refuse('invalid_bson', error instanceof DecodeError ? error.offset : 0);
  }
}
