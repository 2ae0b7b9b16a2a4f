// Replies that the server streams after the first one to a request: exhaust cursors, and hello for monitors.
// One operation per request: the first reply finishes it, the others add documents and bytes to its row.
// Invariant: one stream per connection, as on the wire: whoever takes a stream sends nothing until it ends.

import { OPCODE, type ReplyView } from '../../codecs/index.ts';
import type { Operation, OperationRecord } from '../core/operation.ts';
import { OperationRow } from '../stats/operation-row.ts';
import { HELLO_NAMES } from './introduction.ts';
import type { SniffedCursors } from './sniffed-cursors.ts';

export class ReplyStream {
  readonly #server: string;
  readonly #cursors: SniffedCursors;
  #isOpen = false;
  #requestId = 0;
  #lastReplyId = 0;
  #record: OperationRecord | null = null;
  #cursorId = 0n;
  #isQuery = false;
  isHello = false;

  constructor(server: string, cursors: SniffedCursors) {
    this.#server = server;
    this.#cursors = cursors;
  }

  /** The first reply to a request: more follow if it says so, or if an old exhaust query has an open cursor. */
  begin(operation: Operation, reply: ReplyView): void {
    const { command } = operation;
    this.#isQuery = command.opcode === OPCODE.query && command.exhaustAllowed;
    this.#isOpen = this.#goesOn(reply);
    if (!this.#isOpen) return;
    this.#requestId = operation.clientRequestId;
    this.#lastReplyId = reply.frame.requestId;
    this.#record = operation.record;
    this.#cursorId = command.cursorIdType === 0 ? reply.cursorId : command.cursorId;
    this.isHello = HELLO_NAMES.has(command.name);
  }

  /** Servers name the reply before in responseTo, some the request. */
  expects(responseTo: number): boolean {
    return this.#isOpen && (responseTo === this.#lastReplyId || responseTo === this.#requestId);
  }

  /** The next reply of the stream. */
  add(reply: ReplyView): void {
    this.addUnread(reply.frame.requestId, reply.frame.wireBytes);
    if (this.#record instanceof OperationRow) this.#record.documentsReturned += reply.batchCount;
    if (this.#cursorId !== 0n) this.#cursors.learnStreamed(this.#server, this.#cursorId, reply);
    this.#isOpen = this.#goesOn(reply);
  }

  /** The next one, of which only the header could be read: it may be the last, or another one refers to it. */
  addUnread(replyId: number, wireBytes: number): void {
    if (this.#record instanceof OperationRow) this.#record.replyBytes += wireBytes;
    this.#lastReplyId = replyId;
  }

  #goesOn(reply: ReplyView): boolean {
    return reply.moreToCome || (this.#isQuery && reply.hasOpenCursor);
  }
}
