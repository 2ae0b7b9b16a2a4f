// Puts an answer on a client's socket: the server's bytes with the client's id restored, or a document made here.
// It decides nothing. Invariants: an answer leaves in the opcode of its question; never a checksum (PyMongo refuses it).

import {
  type BsonDocument,
  Double,
  encodeMessage,
  encodeQueryFailure,
  encodeReply,
  type Frame,
  OPCODE,
  stripChecksum,
} from '../../codecs/index.ts';
import type { ErrorAnswer } from '../core/error-answers.ts';
import type { Operation } from '../core/operation.ts';
import type { ByteSocket } from '../net/byte-socket.ts';
import { errorDocument } from './error-reply.ts';

export class ReplyWriter {
  readonly #socket: ByteSocket;
  #lastId = 0;

  constructor(socket: ByteSocket) {
    this.#socket = socket;
  }

  /** Forwards the server's reply. */
  forward(operation: Operation, reply: Frame): void {
    const frame = stripChecksum(reply);
    frame.setResponseTo(operation.clientRequestId);
    operation.replyBytes = frame.length;
    for (const chunk of frame.chunks) this.#socket.write(chunk);
  }

  /** An answer of weir's own; `ok: 1` is added unless the document says how it went. */
  document(operation: Operation, document: BsonDocument): void {
    const answer = 'ok' in document ? document : { ...document, ok: new Double(1) };
    const bytes = this.encode(operation.command.opcode, answer, operation.clientRequestId);
    operation.replyBytes = bytes.length;
    this.#socket.write(bytes);
  }

  error(operation: Operation, answer: ErrorAnswer): void {
    operation.errorCode = answer.code;
    this.document(operation, errorDocument(answer, operation.client.understandsBackoff));
  }

  /** An error for a request that could not even be read. */
  errorForFrame(frame: Frame, answer: ErrorAnswer): void {
    this.#socket.write(this.encode(frame.opcode, errorDocument(answer, false), frame.requestId));
  }

  /** The refusal of an OP_QUERY that is no command: `$err` and the queryFailure flag. */
  queryFailure(operation: Operation, answer: ErrorAnswer): void {
    operation.errorCode = answer.code;
    const failure = { message: answer.errmsg, code: answer.code };
    const bytes = encodeQueryFailure(failure, this.#nextId(), operation.clientRequestId);
    operation.replyBytes = bytes.length;
    this.#socket.write(bytes);
  }

  encode(opcode: number, document: BsonDocument, responseTo: number): Buffer {
    const encode = opcode === OPCODE.query ? encodeReply : encodeMessage;
    return encode(document, this.#nextId(), responseTo);
  }

  #nextId(): number {
    this.#lastId = (this.#lastId % 0x3fff_ffff) + 1;
    return this.#lastId;
  }
}
