// What the tests of redaction share: options, values that can be found again in every type, and how to look for them.
// Holds no test. Invariant: a value that is hidden by its type alone is among them.

import assert from 'node:assert/strict';
import {
  Binary,
  type BsonDocument,
  Double,
  deserialize,
  encodeMessage,
  Frame,
  Int32,
  Long,
  ObjectId,
  type RedactOptions,
  readCommand,
  readReply,
  redactMessage,
  serialize,
  Timestamp,
  UUID,
} from '../../../codecs/index.ts';

export const CLIENT: RedactOptions = { from: 'client', keepsValues: false, maxInflatedBytes: 1_000_000 };
export const SERVER: RedactOptions = { ...CLIENT, from: 'server' };

export function redact(bytes: Buffer, options: RedactOptions): Buffer {
  return redactMessage(Frame.of(Buffer.from(bytes)), options).bytes;
}

export function request(document: BsonDocument, options: RedactOptions = CLIENT): BsonDocument {
  return deserialize(readCommand(Frame.of(redact(encodeMessage(document, 1, 0), options))).body);
}

export function reply(document: BsonDocument, options: RedactOptions = SERVER): BsonDocument {
  return deserialize(readReply(Frame.of(redact(encodeMessage({ ok: 1, ...document }, 1, 7), options))).body);
}

export const SECRET = 'Zq7secret';
/** Every type with a value that can be found again. */
export const values: BsonDocument = {
  text: SECRET,
  number: new Double(1234.5678),
  int: new Int32(0x5a713765),
  long: Long.fromString('6515912373847392111'),
  oid: new ObjectId('5a71376573656372657437aa'),
  binary: new Binary(Buffer.from(SECRET), 0),
  old: new Binary(Buffer.from(SECRET), 2),
  uuid: new UUID('5a713765-7365-4372-a574-5a7137657365'),
  date: new Date(1_606_159_123_000),
  timestamp: new Timestamp({ t: 0x5a713765, i: 0x73656372 }),
  pattern: /Zq7secret/i,
  nested: { deep: [SECRET, { deeper: SECRET }] },
};
export const FINDABLE: readonly Buffer[] = [
  Buffer.from('Zq7'),
  serialize({ a: values['number'] as Double }).subarray(7, 15),
  serialize({ a: values['long'] as Long }).subarray(7, 15),
  Buffer.from('5a713765', 'hex'),
  Buffer.from('6537715a', 'hex'),
  serialize({ a: values['date'] as Date }).subarray(7, 15),
];

export function assertHidden(bytes: Buffer, where: string): void {
  for (const findable of FINDABLE) assert.equal(bytes.indexOf(findable), -1, `${where}: ${findable.toString('hex')}`);
}

export function encodeQuery(namespace: string, ...documents: BsonDocument[]): Buffer {
  const head = Buffer.alloc(20);
  head.writeInt32LE(2004, 12);
  const middle = Buffer.alloc(8);
  middle.writeInt32LE(-1, 4);
  const message = Buffer.concat([head, Buffer.from(`${namespace}\0`), middle, ...documents.map((d) => serialize(d))]);
  message.writeInt32LE(message.length, 0);
  return message;
}
