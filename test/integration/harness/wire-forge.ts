// Makes messages that no driver would send: every part can be given wrong. It checks nothing.
// Invariant: what is not given is right.

import { type BsonDocument, crc32c, serialize } from '../../../codecs/index.ts';

export interface ForgedMessage {
  readonly requestId?: number;
  readonly opcode?: number;
  readonly flags?: number;
  /** What the header says; default: the truth. */
  readonly claimedLength?: number;
  readonly sections: readonly Buffer[];
  /** Appended as it is. */
  readonly checksum?: 'right' | 'wrong';
}

export const OP_MSG = 2013;
export const OP_QUERY = 2004;

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  return bytes;
}

export function forge(message: ForgedMessage): Buffer {
  const { requestId = 1, opcode = OP_MSG, flags = 0, sections, checksum } = message;
  const payload = Buffer.concat([int32(flags), ...sections]);
  const length = 16 + payload.length + (checksum === undefined ? 0 : 4);
  const header = [message.claimedLength ?? length, requestId, 0, opcode].map(int32);
  const bytes = Buffer.concat([...header, payload]);
  if (checksum === undefined) return bytes;
  return Buffer.concat([bytes, int32((crc32c(bytes, 0, bytes.length) ^ (checksum === 'wrong' ? 1 : 0)) | 0)]);
}

/** A kind-0 section. */
export function body(document: BsonDocument | Buffer): Buffer {
  return Buffer.concat([Buffer.from([0]), Buffer.isBuffer(document) ? document : serialize(document)]);
}

/** A kind-1 section; `claimedSize` and `documents` may lie. */
export function sequence(name: string, documents: readonly Buffer[], claimedSize?: number): Buffer {
  const content = Buffer.concat([Buffer.from(`${name}\0`), ...documents]);
  return Buffer.concat([Buffer.from([1]), int32(claimedSize ?? 4 + content.length), content]);
}

/** OP_QUERY on a namespace, as legacy drivers send handshakes. */
export function query(namespace: string, document: BsonDocument | Buffer, numberToReturn = -1): Buffer {
  const bytes = Buffer.isBuffer(document) ? document : serialize(document);
  return forge({ opcode: OP_QUERY, sections: [Buffer.from(`${namespace}\0`), int32(0), int32(numberToReturn), bytes] });
}

/** `{a: {a: {a: … {}}}}`: a document that many levels deep, built without recursion. */
export function nested(levels: number): Buffer {
  let bytes = Buffer.from([5, 0, 0, 0, 0]);
  const parts: Buffer[] = [bytes];
  let length = 5;
  const heads: Buffer[] = [];
  for (let level = 1; level < levels; level++) {
    length += 8;
    heads.push(Buffer.concat([int32(length), Buffer.from([3, 0x61, 0])]));
  }
  const tails = Buffer.alloc(heads.length);
  bytes = Buffer.concat([...heads.reverse(), ...parts, tails]);
  return bytes;
}

/** A document with these elements as they are: type byte, name, NUL, value. */
export function rawDocument(...elements: readonly Buffer[]): Buffer {
  const content = Buffer.concat([...elements, Buffer.from([0])]);
  return Buffer.concat([int32(content.length + 4), content]);
}

/** One element with its value's bytes given. */
export function element(type: number, name: string, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`), value]);
}

export function stringElement(name: string, text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  return element(2, name, Buffer.concat([int32(bytes.length), bytes]));
}
