// Redacts a command document, and documents that stand back to back, in place.
// Does not know messages. Invariant: a command's fields are judged by its name, which is its first field's.

import { findRow } from './command-namespace.ts';
import { BSON_TYPE, documentEnd, ElementCursor } from './element-cursor.ts';
import { firstRule, type Rule, requestRule } from './redact-rules.ts';
import { nameOf, redactFields, redactValue } from './redact-walk.ts';

/** Redacts a command document and gives its name. */
export function redactCommand(bytes: Buffer, start: number, end: number, keepsValues: boolean): string {
  const cursor = new ElementCursor(bytes, start, end);
  if (!cursor.next()) return '';
  const name = nameOf(cursor);
  if (name === 'explain' && isDocumentAt(cursor)) {
    redactCommand(bytes, cursor.valueStart, cursor.valueEnd, keepsValues);
  } else {
    redactValue(cursor, firstRule(name, findRow(bytes, cursor), keepsValues), 1);
  }
  while (cursor.next()) {
    redactValue(cursor, requestRule(name, nameOf(cursor), keepsValues), 1);
  }
  return name;
}

export function isDocumentAt(cursor: ElementCursor): boolean {
  return cursor.type === BSON_TYPE.document;
}

/** Documents back to back under one rule. @throws DecodeError where one does not fit. */
export function redactDocuments(bytes: Buffer, start: number, rule: Rule, end: number = bytes.length): void {
  let at = start;
  while (at < end) {
    const next = documentEnd(bytes, at, end);
    redactFields(new ElementCursor(bytes, at, next), rule);
    at = next;
  }
}
