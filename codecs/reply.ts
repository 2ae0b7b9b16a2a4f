// Reads a reply frame into a ReplyView: one pass over the top-level elements; batches are hopped over and counted.
// Does not look into the returned documents and changes nothing.
// Invariant: throws DecodeError or returns a view whose every offset is inside the frame.

import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import { FieldTable } from './field-table.ts';
import type { Frame } from './frame.ts';
import { MSG_FLAG, type SequenceRange, scanOpMsg } from './op-msg.ts';
import { REPLY_FLAG, scanOpReply } from './op-reply.ts';
import { OPCODE } from './opcode.ts';
import { ReplyFields, type ReplyView } from './reply-view.ts';
import { readCount, readNumber, readTruth } from './value.ts';

const FIELD = {
  ok: 0,
  code: 1,
  codeName: 2,
  errmsg: 3,
  errorLabels: 4,
  cursor: 5,
  n: 6,
  nModified: 7,
  upserted: 8,
  writeErrors: 9,
  writeConcernError: 10,
  lastErrorObject: 11,
  nInserted: 12,
  nUpserted: 13,
  nDeleted: 14,
  topologyVersion: 15,
  $err: 16,
} as const;

/** A field that appears twice has its last value, as in drivers. Reused by every read: reading is synchronous and never nested. */
const table: FieldTable = new FieldTable(Object.keys(FIELD), 'last');

/** Not primary, interrupted by a step-down, shutting down (SDAM specification): codes and their names. */
export const STATE_CHANGES: ReadonlyMap<number, string> = new Map([
  [91, 'ShutdownInProgress'],
  [189, 'PrimarySteppedDown'],
  [10058, 'LegacyNotPrimary'],
  [10107, 'NotWritablePrimary'],
  [11600, 'InterruptedAtShutdown'],
  [11602, 'InterruptedDueToReplStateChange'],
  [13435, 'NotPrimaryNoSecondaryOk'],
  [13436, 'NotPrimaryOrSecondary'],
]);
const NO_SEQUENCES: readonly SequenceRange[] = [];

/** Whether a code tells drivers that the server's role changed or that it shuts down. */
export function isStateChangeCode(code: number): boolean {
  return STATE_CHANGES.has(code);
}

/** @throws DecodeError; a reply that cannot be read costs the upstream connection whatever its reaction says. */
export function readReply(frame: Frame): ReplyView {
  const view = new ReplyFields(frame);
  let failed = false;
  if (frame.opcode === OPCODE.msg) {
    const layout = scanOpMsg(frame.bytes);
    view.moreToCome = (layout.flagBits & MSG_FLAG.moreToCome) !== 0;
    view.bodyStart = layout.bodyStart;
    view.bodyEnd = layout.bodyEnd;
  } else if (frame.opcode === OPCODE.reply) {
    const layout = scanOpReply(frame.bytes);
    failed = (layout.flags & REPLY_FLAG.queryFailure) !== 0;
    view.bodyStart = layout.bodyStart;
    view.bodyEnd = layout.bodyEnd;
  } else {
    refuse('unknown_opcode', 12);
  }
  fillReply(view, failed);
  return view;
}

/** Reads the document between the view's bounds into it; `failed`: the message says so itself. @throws DecodeError. */
export function fillReply(view: ReplyFields, failed: boolean): void {
  table.scan(view.frame.bytes, view.bodyStart, view.bodyEnd, NO_SEQUENCES);
  if (!table.has(FIELD.ok) && !failed) {
    refuse('no_ok', view.bodyStart);
  }
  view.ok = !failed && truth(view, FIELD.ok);
  readCounts(view);
  readCursor(view);
  readErrors(view);
  readProcessId(view);
}

function truth(view: ReplyFields, field: number): boolean {
  return readTruth(view.frame.bytes, table.type(field), table.start(field));
}

function count(view: ReplyFields, field: number): number {
  return table.has(field) ? readCount(view.frame.bytes, table.type(field), table.start(field)) : 0;
}

/** A cursor on a field's value, if the field is there with this type. */
function open(view: ReplyFields, field: number, type: number): ElementCursor | null {
  return table.type(field) === type ? new ElementCursor(view.frame.bytes, table.start(field), table.end(field)) : null;
}

function countElements(array: ElementCursor | null): number {
  let elements = 0;
  while (array?.next() === true) {
    elements++;
  }
  return elements;
}

function readCounts(view: ReplyFields): void {
  view.n = count(view, FIELD.n);
  view.nModified = count(view, FIELD.nModified);
  view.upsertedCount = countElements(open(view, FIELD.upserted, BSON_TYPE.array));
  if (table.has(FIELD.nInserted)) {
    view.bulkChanged =
      count(view, FIELD.nInserted) + count(view, FIELD.nUpserted) + view.nModified + count(view, FIELD.nDeleted);
  }
  const last = open(view, FIELD.lastErrorObject, BSON_TYPE.document);
  if (last?.seek('n') === true) {
    view.lastErrorN = readCount(last.bytes, last.type, last.valueStart);
  }
}

function readCursor(view: ReplyFields): void {
  const cursor = open(view, FIELD.cursor, BSON_TYPE.document);
  if (cursor === null) {
    return;
  }
  view.cursorPresent = true;
  while (cursor.next()) {
    if (cursor.type === BSON_TYPE.array && (cursor.isNamed('firstBatch') || cursor.isNamed('nextBatch'))) {
      view.batchCount = countElements(new ElementCursor(cursor.bytes, cursor.valueStart, cursor.valueEnd));
    } else if (cursor.isNamed('id')) {
      view.cursorIdType = cursor.type;
      view.cursorIdStart = cursor.valueStart;
      view.hasOpenCursor = readCount(cursor.bytes, cursor.type, cursor.valueStart) !== 0;
    } else if (cursor.type === BSON_TYPE.string && cursor.isNamed('ns')) {
      view.cursorNamespaceStart = cursor.valueStart;
      view.cursorNamespaceEnd = cursor.valueEnd;
    }
  }
}

function readErrors(view: ReplyFields): void {
  view.code = count(view, FIELD.code);
  if (table.type(FIELD.codeName) === BSON_TYPE.string) {
    view.codeNameStart = table.start(FIELD.codeName);
    view.codeNameEnd = table.end(FIELD.codeName);
  }
  // A query that failed in the old protocol says $err instead.
  const message = table.has(FIELD.errmsg) ? FIELD.errmsg : FIELD.$err;
  if (table.type(message) === BSON_TYPE.string) {
    view.errmsgStart = table.start(message);
    view.errmsgEnd = table.end(message);
  }
  if (table.type(FIELD.errorLabels) === BSON_TYPE.array) {
    view.labelsStart = table.start(FIELD.errorLabels);
    view.labelsEnd = table.end(FIELD.errorLabels);
    view.hasErrorLabels = countElements(open(view, FIELD.errorLabels, BSON_TYPE.array)) > 0;
  }
  view.hasStateChangeCode = !view.ok && STATE_CHANGES.has(view.code);
  readWriteErrors(view);
  const concern = open(view, FIELD.writeConcernError, BSON_TYPE.document);
  if (concern?.seek('code') === true) {
    view.writeConcernErrorCode = readCount(concern.bytes, concern.type, concern.valueStart);
    view.hasStateChangeCode ||= STATE_CHANGES.has(view.writeConcernErrorCode);
  }
}

function readWriteErrors(view: ReplyFields): void {
  const errors = open(view, FIELD.writeErrors, BSON_TYPE.array);
  while (errors?.next() === true) {
    view.writeErrorCount++;
    if (errors.type !== BSON_TYPE.document) {
      continue;
    }
    const error = new ElementCursor(errors.bytes, errors.valueStart, errors.valueEnd);
    if (!error.seek('code')) {
      continue;
    }
    const code = readNumber(error.bytes, error.type, error.valueStart);
    if (view.writeErrorCount === 1 && !Number.isNaN(code)) {
      view.firstWriteErrorCode = code;
    }
    view.hasStateChangeCode ||= STATE_CHANGES.has(code);
  }
}

function readProcessId(view: ReplyFields): void {
  const version = open(view, FIELD.topologyVersion, BSON_TYPE.document);
  if (version?.seek('processId') === true && version.type === BSON_TYPE.objectId) {
    view.processIdStart = version.valueStart;
  }
}
