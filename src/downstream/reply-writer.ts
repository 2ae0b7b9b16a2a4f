// Puts an answer on a client's socket: the server's bytes with the client's id restored, or a document made here, in
// OP_COMPRESSED if the question came so. It decides nothing.
// Invariants: an answer leaves in the opcode of its question; never a checksum (PyMongo refuses it).

import {
  type BsonDocument,
  type CompressedHeader,
  Double,
  deflate,
  deflateAsync,
  deflatesAsync,
  encodeMessage,
  encodeQueryFailure,
  encodeReply,
  Frame,
  OPCODE,
  stripChecksum,
} from '../../codecs/index.ts';
import type { CompressionCounts } from '../core/compression-counts.ts';
import type { ErrorAnswer } from '../core/error-answers.ts';
import type { Operation } from '../core/operation.ts';
import type { ByteSocket } from '../net/byte-socket.ts';
import type { ReplyDestination, ReplySource } from '../upstream/large-reply.ts';
import { errorDocument } from './error-reply.ts';
import type { Outbox } from './outbox.ts';
import { ReplyStream, type ReplyStreamParts } from './reply-stream.ts';

export interface ReplyWriterParts {
  readonly socket: ByteSocket;
  readonly outbox: Outbox;
  readonly counts: CompressionCounts;
  /** A reply that passes as it comes, and a client that is too slow for it. */
  readonly stream: Pick<ReplyStreamParts, 'budget' | 'clock' | 'onSlowReader'>;
}

export class ReplyWriter {
  /** How the request at hand came, if its answer goes the same way; null: plain. Set for each request. */
  compressor: CompressedHeader | null = null;
  readonly #parts: ReplyWriterParts;
  readonly #socket: ByteSocket;
  readonly #outbox: Outbox;
  readonly #counts: CompressionCounts;
  #lastId = 0;
  /** The large reply that passes now. */
  #stream: ReplyStream | null = null;

  constructor(parts: ReplyWriterParts) {
    this.#parts = parts;
    this.#socket = parts.socket;
    this.#outbox = parts.outbox;
    this.#counts = parts.counts;
  }

  /** Where the server's reply may go as it comes; null where it is to be compressed, and so is wanted whole. */
  openStream(operation: Operation, length: number, source: ReplySource): ReplyDestination | null {
    if (this.compressor !== null) return null;
    const responseTo = operation.clientRequestId;
    this.#stream = new ReplyStream({ ...this.#parts.stream, outbox: this.#outbox, source, length, responseTo });
    return this.#stream;
  }

  /** The reply that passed is whole and its last part leaves. False: none was passing. */
  finishStream(operation: Operation): boolean {
    const stream = this.#stream;
    if (stream === null) return false;
    this.#stream = null;
    operation.replyBytes = stream.length;
    stream.finish();
    return true;
  }

  /** A part of a reply has left, and nothing else may follow it. */
  get isInsideReply(): boolean {
    return this.#stream?.hasBegun === true;
  }

  /** The rest of the reply that passes, if one does, is not for this client any more. */
  stopStream(): void {
    this.#stream?.stop();
  }

  /** A reply of which nothing has left: another answer is given in its place. */
  #dropStream(): void {
    this.#stream?.stop();
    this.#stream = null;
  }

  /** Forwards the server's reply. */
  forward(operation: Operation, reply: Frame): void {
    operation.replyBytes = this.#write(prepare(operation, reply));
  }

  /** Whether this reply is worth a thread: then it goes by forwardLater(). */
  isLater(reply: Frame): boolean {
    return this.compressor !== null && deflatesAsync(reply, this.compressor.compressorId);
  }

  /** Compresses the reply off the event loop, writes it and says so; the next request must not be begun before. */
  forwardLater(operation: Operation, reply: Frame, onWritten: () => void): void {
    const frame = prepare(operation, reply);
    const compressor = this.compressor as CompressedHeader;
    deflateAsync(frame, compressor.compressorId, (outer) => {
      this.#socket.runGuarded(() => {
        operation.replyBytes = this.#writeOuter(frame, outer, compressor);
        onWritten();
      });
    });
  }

  /** An answer of weir's own; `ok: 1` is added unless the document says how it went. */
  document(operation: Operation, document: BsonDocument): void {
    const answer = 'ok' in document ? document : { ...document, ok: new Double(1) };
    const bytes = this.encode(operation.command.opcode, answer, operation.clientRequestId);
    operation.replyBytes = this.#write(Frame.of(bytes));
  }

  error(operation: Operation, answer: ErrorAnswer): void {
    this.#dropStream();
    operation.errorCode = answer.code;
    this.document(operation, errorDocument(answer, operation.client.understandsBackoff));
  }

  /** An error for a request that could not even be read. */
  errorForFrame(frame: Frame, answer: ErrorAnswer): void {
    this.#write(Frame.of(this.encode(frame.opcode, errorDocument(answer, false), frame.requestId)));
  }

  /** The refusal of an OP_QUERY that is no command: `$err` and the queryFailure flag. */
  queryFailure(operation: Operation, answer: ErrorAnswer): void {
    operation.errorCode = answer.code;
    const failure = { message: answer.errmsg, code: answer.code };
    const bytes = encodeQueryFailure(failure, this.#nextId(), operation.clientRequestId);
    operation.replyBytes = this.#write(Frame.of(bytes));
  }

  encode(opcode: number, document: BsonDocument, responseTo: number): Buffer {
    const encode = opcode === OPCODE.query ? encodeReply : encodeMessage;
    return encode(document, this.#nextId(), responseTo);
  }

  /** Writes a message plain or compressed; what it took on the wire, bytes. */
  #write(frame: Frame): number {
    if (this.compressor !== null) {
      return this.#writeOuter(frame, deflate(frame, this.compressor.compressorId), this.compressor);
    }
    for (const chunk of frame.chunks) this.#outbox.write(chunk);
    return frame.length;
  }

  #writeOuter(frame: Frame, outer: Frame, { name }: CompressedHeader): number {
    if (outer !== frame) {
      this.#counts.add('downstream', 'sent', { name, wireBytes: outer.length, plainBytes: frame.length });
    }
    for (const chunk of outer.chunks) this.#outbox.write(chunk);
    return outer.length;
  }

  #nextId(): number {
    this.#lastId = (this.#lastId % 0x3fff_ffff) + 1;
    return this.#lastId;
  }
}

function prepare(operation: Operation, reply: Frame): Frame {
  const frame = stripChecksum(reply);
  frame.setResponseTo(operation.clientRequestId);
  return frame;
}
