// An application's connection as a test holds it: sends commands in both opcodes, reads whatever comes back.
// It checks nothing. Invariant: `replies` has every reply in the order of arrival, with the id that it answers.

import {
  type BsonDocument,
  COMPRESSORS,
  type CompressorName,
  deflate,
  deserialize,
  encodeMessage,
  Frame,
  Framer,
  Int32,
  inflate,
  Long,
  OPCODE,
  readCompressedHeader,
  serialize,
  UUID,
} from '../../codecs/index.ts';
import type { FakeClock } from './fake-clock.ts';
import type { MemorySocket } from './memory-socket.ts';

/** flagBits of OP_MSG. */
export const FLAG = { checksumPresent: 1, moreToCome: 2, exhaustAllowed: 65_536 } as const;

export interface ClientReply {
  readonly responseTo: number;
  readonly opcode: number;
  readonly document: BsonDocument;
  /** How it came; absent: plain. */
  readonly compressor?: CompressorName;
}

export class TestClient {
  readonly socket: MemorySocket;
  readonly replies: ClientReply[] = [];
  readonly raw: Frame[] = [];
  #lastId = 0;
  readonly #clock: FakeClock;

  constructor(socket: MemorySocket, clock: FakeClock) {
    this.socket = socket;
    this.#clock = clock;
    const framer = new Framer({
      onFrame: (frame) => {
        this.raw.push(frame);
        const isCompressed = frame.opcode === OPCODE.compressed;
        const { bytes, opcode, responseTo } = isCompressed ? inflate(frame) : frame;
        const at = opcode === 1 ? 36 : 21;
        const document = deserialize(bytes.subarray(at, at + bytes.readInt32LE(at)));
        const reply = { responseTo, opcode, document };
        this.replies.push(isCompressed ? { ...reply, compressor: readCompressedHeader(frame).name } : reply);
      },
    });
    socket.onWritten = (bytes) => framer.push(Buffer.from(bytes));
  }

  nextId(): number {
    return ++this.#lastId;
  }

  /** The bytes of a command with the next request id; on database `shop` unless it names one. */
  encode(document: BsonDocument, flags = 0): Buffer {
    return encodeMessage('$db' in document ? document : { ...document, $db: 'shop' }, this.nextId(), 0, flags);
  }

  /** Sends bytes and ends the turn. */
  feed(bytes: Buffer): void {
    this.socket.feed(bytes);
    this.#clock.flushTurn();
  }

  /** Sends a command and ends the turn; returns its request id. */
  send(document: BsonDocument, flags = 0): number {
    this.feed(this.encode(document, flags));
    return this.#lastId;
  }

  /** The bytes of a command as OP_COMPRESSED. */
  encodeCompressed(document: BsonDocument, compressor: CompressorName, flags = 0): Buffer {
    return deflate(Frame.of(this.encode(document, flags)), COMPRESSORS[compressor]).bytes;
  }

  /** Sends a command as OP_COMPRESSED and ends the turn; returns its request id. */
  sendCompressed(document: BsonDocument, compressor: CompressorName, flags = 0): number {
    this.feed(this.encodeCompressed(document, compressor, flags));
    return this.#lastId;
  }

  /** Several commands in one chunk. */
  pipeline(...documents: BsonDocument[]): void {
    this.feed(Buffer.concat(documents.map((document) => this.encode(document))));
  }

  /** The command as OP_QUERY on a namespace, `admin.$cmd` unless another is given. */
  query(document: BsonDocument, namespace = 'admin.$cmd', numberToReturn = -1): number {
    const id = this.nextId();
    this.feed(encodeQuery(document, id, { namespace, numberToReturn }));
    return id;
  }

  hello(app: string, extra: BsonDocument = {}): void {
    this.send({ hello: new Int32(1), client: clientDocument(app), ...extra, $db: 'admin' });
  }

  /** The client closes. */
  close(): void {
    this.socket.hangUp();
    this.#clock.flushTurn();
  }

  get isClosed(): boolean {
    return this.socket.isClosed;
  }

  get last(): BsonDocument {
    return this.replies.at(-1)?.document ?? {};
  }
}

export function clientDocument(app: string): BsonDocument {
  return { application: { name: app }, driver: { name: 'test', version: '1' }, os: { type: 'Test' } };
}

/** A session document; the same number is the same session. */
export function session(number: number): BsonDocument {
  const bytes = Buffer.alloc(16, 0x5e);
  bytes.writeUInt32LE(number, 0);
  return { id: new UUID(bytes) };
}

/** The fields of a command in a transaction. */
export function inTransaction(lsid: BsonDocument, txnNumber: number, starts = false): BsonDocument {
  const fields: BsonDocument = { lsid, txnNumber: Long.fromNumber(txnNumber), autocommit: false };
  return starts ? { ...fields, startTransaction: true } : fields;
}

/** A reply that opens a cursor. */
export function cursorReply(
  id: number | bigint,
  collection: string,
  documents: readonly BsonDocument[] = [],
): BsonDocument {
  return { cursor: { firstBatch: documents, id: Long.fromBigInt(BigInt(id)), ns: `shop.${collection}` } };
}

/** A reply to a getMore; id 0 closes the cursor. */
export function batchReply(
  id: number | bigint,
  collection: string,
  documents: readonly BsonDocument[] = [],
): BsonDocument {
  return { cursor: { nextBatch: documents, id: Long.fromBigInt(BigInt(id)), ns: `shop.${collection}` } };
}

export function encodeQuery(
  document: BsonDocument,
  requestId: number,
  options: { namespace: string; numberToReturn: number },
): Buffer {
  const body = serialize(document);
  const namespace = Buffer.from(`${options.namespace}\0`, 'utf8');
  const bytes = Buffer.alloc(16 + 4 + namespace.length + 8 + body.length);
  bytes.writeInt32LE(bytes.length, 0);
  bytes.writeInt32LE(requestId, 4);
  bytes.writeInt32LE(2004, 12);
  namespace.copy(bytes, 20);
  bytes.writeInt32LE(options.numberToReturn, 20 + namespace.length + 4);
  body.copy(bytes, 20 + namespace.length + 8);
  return bytes;
}
