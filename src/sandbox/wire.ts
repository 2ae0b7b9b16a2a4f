// Bytes to requests and replies to bytes, for the sandbox only: it decodes every request whole, which the proxy's codecs never do.
// Speed does not matter here; honesty about malformed input does.
// Invariant: a message's length is checked before one byte of its body is held.

import { type Doc, decodeDocument, encodeDocument, MAX_MESSAGE_BYTES } from './documents.ts';

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER_BYTES = 16;
const CHECKSUM_PRESENT = 1;
const MORE_TO_COME = 2;
const EXHAUST_ALLOWED = 0x10000;
const KNOWN_REQUIRED_FLAGS = CHECKSUM_PRESENT | MORE_TO_COME;
const QUERY_FAILURE = 2;
const AWAIT_CAPABLE = 8;

/** Bytes that no server would answer: the connection is closed. */
export class WireError extends Error {}

/** A message whose body is wrong: it is answered with `code` and the connection lives on. */
export class BodyError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Where a reply must go: the opcode that was asked in and the id to answer. */
export interface Envelope {
  readonly requestId: number;
  readonly opcode: 'msg' | 'query';
  /** The client wants no answer (OP_MSG's moreToCome). */
  readonly moreToCome: boolean;
  /** The client takes a stream of answers. */
  readonly exhaustAllowed: boolean;
}

/** One decoded request. */
export interface WireRequest extends Envelope {
  readonly database: string;
  /** The command document, sequences of kind 1 put in as arrays. */
  readonly command: Doc;
}

/** Cuts a stream into whole messages. */
export class MessageSplitter {
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** Takes a chunk and gives the messages that are whole now. Throws WireError for a size outside 16 … 48 000 000. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const messages: Buffer[] = [];
    let need = this.#neededBytes();
    while (need !== null && this.#bytes >= need) {
      const all = this.#join();
      messages.push(all.subarray(0, need));
      const rest = all.subarray(need);
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#bytes = rest.length;
      need = this.#neededBytes();
    }
    return messages;
  }

  #neededBytes(): number | null {
    if (this.#bytes < HEADER_BYTES) return null;
    const first = this.#chunks[0];
    const head = first !== undefined && first.length >= 4 ? first : this.#join();
    const size = head.readInt32LE(0);
    if (size < HEADER_BYTES || size > MAX_MESSAGE_BYTES) throw new WireError(`message of ${size} bytes`);
    return size;
  }

  #join(): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks, this.#bytes);
    const joined = all ?? Buffer.alloc(0);
    this.#chunks = [joined];
    return joined;
  }
}

/** Reads who asked, without the body. Throws WireError for opcodes and flags that end a connection. */
export function readEnvelope(message: Buffer): Envelope {
  const requestId = message.readInt32LE(4);
  const opcode = message.readInt32LE(12);
  if (opcode === OP_QUERY) return { requestId, opcode: 'query', moreToCome: false, exhaustAllowed: false };
  if (opcode !== OP_MSG) throw new WireError(`opcode ${opcode}`);
  if (message.length < HEADER_BYTES + 4) throw new WireError('OP_MSG without flags');
  const flags = message.readUInt32LE(HEADER_BYTES);
  if ((flags & 0xffff & ~KNOWN_REQUIRED_FLAGS) !== 0) throw new WireError(`unknown required flags ${flags}`);
  return {
    requestId,
    opcode: 'msg',
    moreToCome: (flags & MORE_TO_COME) !== 0,
    exhaustAllowed: (flags & EXHAUST_ALLOWED) !== 0,
  };
}

/** Decodes a message whole. Throws BodyError for a body that cannot be read. */
export function readRequest(message: Buffer, envelope: Envelope): WireRequest {
  return envelope.opcode === 'msg' ? readMsg(message, envelope) : readQuery(message, envelope);
}

function readMsg(message: Buffer, envelope: Envelope): WireRequest {
  const flags = message.readUInt32LE(HEADER_BYTES);
  const end = (flags & CHECKSUM_PRESENT) === 0 ? message.length : message.length - 4;
  let offset = HEADER_BYTES + 4;
  let command: Doc | null = null;
  const sequences: [string, Doc[]][] = [];
  while (offset < end) {
    const kind = message.readUInt8(offset);
    const size = sizeAt(message, offset + 1, end);
    if (kind === 0) {
      if (command !== null) throw new BodyError(40430, 'a message has one body, this one has two');
      command = readDocument(message, offset + 1, size);
    } else if (kind === 1) {
      sequences.push(readSequence(message, offset + 1, size));
    } else {
      throw new BodyError(40432, `unknown section kind ${kind}`);
    }
    offset += 1 + size;
  }
  if (command === null) throw new BodyError(40587, 'a message has one body, this one has none');
  addSequences(command, sequences);
  const database = command['$db'];
  if (typeof database !== 'string') throw new BodyError(40571, 'OP_MSG requests require a $db argument');
  return { ...envelope, database, command };
}

function addSequences(command: Doc, sequences: readonly [string, Doc[]][]): void {
  for (const [identifier, documents] of sequences) {
    if (Object.hasOwn(command, identifier)) throw new BodyError(40433, 'a sequence and a field have the same name');
    command[identifier] = documents;
  }
}

function readSequence(message: Buffer, start: number, size: number): [string, Doc[]] {
  const end = start + size;
  const zero = message.indexOf(0, start + 4);
  if (zero === -1 || zero >= end) throw new BodyError(22, 'the name of a document sequence does not end');
  const documents: Doc[] = [];
  let offset = zero + 1;
  while (offset < end) {
    const length = sizeAt(message, offset, end);
    documents.push(readDocument(message, offset, length));
    offset += length;
  }
  return [message.toString('utf8', start + 4, zero), documents];
}

function sizeAt(message: Buffer, offset: number, end: number): number {
  if (offset + 4 > end) throw new BodyError(22, 'a section is cut short');
  const size = message.readInt32LE(offset);
  if (size < 5 || offset + size > end) throw new BodyError(22, `a section or document claims ${size} bytes`);
  return size;
}

function readDocument(message: Buffer, offset: number, size: number): Doc {
  try {
    return decodeDocument(message.subarray(offset, offset + size));
  } catch {
    throw new BodyError(22, 'a document is not valid BSON');
  }
}

function readQuery(message: Buffer, envelope: Envelope): WireRequest {
  const nameStart = HEADER_BYTES + 4;
  const zero = message.indexOf(0, nameStart);
  if (zero === -1 || zero + 9 > message.length) throw new WireError('OP_QUERY is cut short');
  const namespace = message.toString('utf8', nameStart, zero);
  if (!namespace.endsWith('.$cmd'))
    throw new BodyError(5_739_101, 'OP_QUERY is no longer supported but for the handshake');
  const offset = zero + 9;
  const outer = readDocument(message, offset, sizeAt(message, offset, message.length));
  const inner = outer['$query'];
  const command = typeof inner === 'object' && inner !== null ? (inner as Doc) : outer;
  return { ...envelope, database: namespace.slice(0, -'.$cmd'.length), command };
}

/** What a reply says beside its document. */
export interface ReplyMarks {
  /** An OP_REPLY that is no command reply. */
  readonly queryFailure?: boolean;
  /** An OP_MSG that is followed by another without being asked. */
  readonly moreToCome?: boolean;
}

/** Encodes a reply in the opcode that was asked in. */
export function encodeWireReply(envelope: Envelope, replyId: number, document: Doc, marks: ReplyMarks = {}): Buffer {
  const body = encodeDocument(document);
  const prefix = envelope.opcode === 'msg' ? 5 : 20;
  const message = Buffer.alloc(HEADER_BYTES + prefix + body.length);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(replyId, 4);
  message.writeInt32LE(envelope.requestId, 8);
  message.writeInt32LE(envelope.opcode === 'msg' ? OP_MSG : OP_REPLY, 12);
  if (envelope.opcode === 'query') {
    message.writeInt32LE(marks.queryFailure === true ? QUERY_FAILURE : AWAIT_CAPABLE, HEADER_BYTES);
    message.writeInt32LE(1, HEADER_BYTES + 16);
  } else {
    message.writeUInt32LE(marks.moreToCome === true ? MORE_TO_COME : 0, HEADER_BYTES);
  }
  message.set(body, HEADER_BYTES + prefix);
  return message;
}
