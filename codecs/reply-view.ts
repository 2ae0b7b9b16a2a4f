// What weir knows of one reply after a single pass: plain fields, fixed shape.
// Does not scan: `reply.ts` fills it. Text that few callers want is decoded when asked for.
// Invariant: offsets are into `frame.bytes` and inside it; getters never throw on a view that readReply returned.

import { BsonView } from './bson-view.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import type { Frame } from './frame.ts';
import { readBigInt, readString } from './value.ts';

const EMPTY_DOCUMENT: Buffer = Buffer.from([5, 0, 0, 0, 0]);

/** The fields as the reader writes them; everyone else sees {@link ReplyView}. */
export class ReplyFields {
  readonly frame: Frame;
  moreToCome = false;
  ok = false;
  /** MongoDB error code of the root document, 0 = none. */
  code = 0;
  /** Offsets of string values (length prefix included); -1 = absent. */
  codeNameStart = -1;
  codeNameEnd = -1;
  errmsgStart = -1;
  errmsgEnd = -1;
  labelsStart = -1;
  labelsEnd = -1;
  hasErrorLabels = false;
  cursorPresent = false;
  /** cursor.id is there and not 0: the server keeps the cursor. */
  hasOpenCursor = false;
  cursorIdType = 0;
  cursorIdStart = -1;
  cursorNamespaceStart = -1;
  cursorNamespaceEnd = -1;
  /** Documents in firstBatch or nextBatch, or in an OP_REPLY that answers a query. */
  batchCount = 0;
  n = 0;
  nModified = 0;
  upsertedCount = 0;
  writeErrorCount = 0;
  firstWriteErrorCode = 0;
  writeConcernErrorCode = 0;
  /** findAndModify: lastErrorObject.n. */
  lastErrorN = 0;
  /** bulkWrite: nInserted + nUpserted + nModified + nDeleted; 0 for any other command. */
  bulkChanged = 0;
  /** One of the "not primary" or "shutting down" codes stands at the root (ok: 0), in a write error or write concern error. */
  hasStateChangeCode = false;
  processIdStart = -1;
  bodyStart = 0;
  bodyEnd = 0;

  constructor(frame: Frame) {
    this.frame = frame;
  }

  get codeName(): string {
    return this.#string(this.codeNameStart, this.codeNameEnd);
  }

  get errmsg(): string {
    return this.#string(this.errmsgStart, this.errmsgEnd);
  }

  /** Whether the root's errorLabels array names this (ASCII) label. */
  hasLabel(label: string): boolean {
    if (this.labelsStart < 0) {
      return false;
    }
    const cursor = new ElementCursor(this.frame.bytes, this.labelsStart, this.labelsEnd);
    while (cursor.next()) {
      if (cursor.type === BSON_TYPE.string && readString(cursor.bytes, cursor.valueStart, cursor.valueEnd) === label) {
        return true;
      }
    }
    return false;
  }

  /** 0n if the reply has no cursor or the cursor is exhausted. */
  get cursorId(): bigint {
    return this.cursorIdType === 0 ? 0n : readBigInt(this.frame.bytes, this.cursorIdType, this.cursorIdStart);
  }

  /** `db.collection` of the cursor, '' if none. */
  get cursorNamespace(): string {
    return this.#string(this.cursorNamespaceStart, this.cursorNamespaceEnd);
  }

  /** Hex of topologyVersion.processId, which changes with every server process; '' if absent. */
  get processId(): string {
    const start = this.processIdStart;
    return start < 0 ? '' : this.frame.bytes.toString('hex', start, start + 12);
  }

  /** The reply document's bytes, not copied. */
  get body(): Buffer {
    return this.frame.bytes.subarray(this.bodyStart, this.bodyEnd);
  }

  /** A lazy view on the reply document (the first one of several); an empty one where there is none. */
  get document(): BsonView {
    return this.bodyEnd === this.bodyStart
      ? new BsonView(EMPTY_DOCUMENT)
      : new BsonView(this.frame.bytes, this.bodyStart, this.bodyEnd);
  }

  #string(start: number, end: number): string {
    return start < 0 ? '' : readString(this.frame.bytes, start, end);
  }
}

/** The reply as everyone but its reader sees it. */
export type ReplyView = Readonly<ReplyFields>;
