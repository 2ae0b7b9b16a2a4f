// Applies a redaction rule to values of a document, in place and of the same length.
// Does not know commands or messages. Invariants: descends at most MAX_NESTING levels; changes only the content of
// values, so that every offset and every length in the message stays true.

import { byteAt, findZero, readInt32 } from './bytes.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import { MAX_NESTING } from './limits.ts';
import { COMMENT_DOCUMENT_KEYS, isOneOf, redactCommentText } from './redact-comment.ts';
import { type Rule, SECRET_NAMES } from './redact-rules.ts';

const LETTER_X = 0x78;
const OLD_BINARY_SUBTYPE = 2;
const NUMBERS: ReadonlySet<number> = new Set([
  BSON_TYPE.double,
  BSON_TYPE.int32,
  BSON_TYPE.int64,
  BSON_TYPE.decimal128,
  BSON_TYPE.boolean,
]);

/** Redacts the rest of the document that the cursor is in. @throws DecodeError invalid_bson. */
export function redactFields(cursor: ElementCursor, rule: Rule, level = 1): void {
  if (level > MAX_NESTING) {
    refuse('invalid_bson', cursor.valueStart);
  }
  while (cursor.next()) {
    redactValue(cursor, ruleOf(rule, cursor), level);
  }
}

/** The name of the cursor's element; names that are not ASCII are in no table. */
export function nameOf(cursor: ElementCursor): string {
  return cursor.bytes.toString('latin1', cursor.nameStart, cursor.nameEnd);
}

/** The rule for a field of a document that is under `rule`. */
function ruleOf(rule: Rule, cursor: ElementCursor): Rule {
  if (rule === 'raw') return SECRET_NAMES.has(nameOf(cursor)) ? 'hide' : 'raw';
  if (typeof rule === 'object') return rule.fields.get(nameOf(cursor)) ?? rule.other;
  // A document where the table expects a plain value: nothing in it is known.
  return rule === 'comment' && isOneOf(cursor.bytes, cursor.nameStart, cursor.nameEnd, COMMENT_DOCUMENT_KEYS)
    ? 'text'
    : 'hide';
}

/** Redacts the value that the cursor stands on. @throws DecodeError invalid_bson. */
export function redactValue(cursor: ElementCursor, rule: Rule, level: number): void {
  const { bytes, type, valueStart, valueEnd } = cursor;
  if (type === BSON_TYPE.document) redactFields(new ElementCursor(bytes, valueStart, valueEnd), rule, level + 1);
  else if (type === BSON_TYPE.array) redactElements(new ElementCursor(bytes, valueStart, valueEnd), rule, level + 1);
  else redactScalar(cursor, typeof rule === 'object' ? rule.scalar : rule, level);
}

/** Elements are under the array's own rule: their names are only numbers. */
function redactElements(cursor: ElementCursor, rule: Rule, level: number): void {
  if (level > MAX_NESTING) {
    refuse('invalid_bson', cursor.valueStart);
  }
  while (cursor.next()) {
    redactValue(cursor, rule, level);
  }
}

function redactScalar(cursor: ElementCursor, rule: Exclude<Rule, object>, level: number): void {
  const { bytes, type, valueStart, valueEnd } = cursor;
  const isText = type === BSON_TYPE.string || type === BSON_TYPE.symbol;
  if (rule === 'comment' && isText) {
    redactCommentText(bytes, valueStart + 4, valueEnd - 1);
  } else if (!stays(type, isText, rule)) {
    hide(cursor, level);
  } else if (type === BSON_TYPE.codeWithScope) {
    redactScope(cursor, rule, level);
  }
}

function stays(type: number, isText: boolean, rule: Exclude<Rule, object>): boolean {
  if (rule === 'raw' || rule === 'keep') return true;
  return (rule === 'number' && NUMBERS.has(type)) || (rule === 'text' && (isText || NUMBERS.has(type)));
}

/** Numbers to 0, texts to x, everything else to zeros of the same length. */
function hide(cursor: ElementCursor, level: number): void {
  const { bytes, type, valueStart, valueEnd } = cursor;
  switch (type) {
    case BSON_TYPE.string:
    case BSON_TYPE.code:
    case BSON_TYPE.symbol:
      bytes.fill(LETTER_X, valueStart + 4, valueEnd - 1);
      break;
    case BSON_TYPE.binary:
      bytes.fill(0, binaryContent(bytes, valueStart, valueEnd), valueEnd);
      break;
    case BSON_TYPE.regex:
      // Options stay: they are a handful of letters with a meaning.
      bytes.fill(LETTER_X, valueStart, findZero(bytes, valueStart, valueEnd));
      break;
    case BSON_TYPE.dbPointer:
      bytes.fill(LETTER_X, valueStart + 4, valueStart + 3 + readInt32(bytes, valueStart));
      bytes.fill(0, valueStart + 4 + readInt32(bytes, valueStart), valueEnd);
      break;
    case BSON_TYPE.codeWithScope:
      bytes.fill(LETTER_X, valueStart + 8, valueStart + 7 + readInt32(bytes, valueStart + 4));
      redactScope(cursor, 'hide', level);
      break;
    default:
      bytes.fill(0, valueStart, valueEnd);
  }
}

/** The deprecated subtype 2 repeats its length inside, which stays. */
function binaryContent(bytes: Buffer, start: number, end: number): number {
  const isOld = byteAt(bytes, start + 4) === OLD_BINARY_SUBTYPE && end - start >= 9;
  return isOld && readInt32(bytes, start + 5) === end - start - 9 ? start + 9 : start + 5;
}

function redactScope(cursor: ElementCursor, rule: Rule, level: number): void {
  const { bytes, valueStart, valueEnd } = cursor;
  const scopeStart = valueStart + 8 + readInt32(bytes, valueStart + 4);
  redactFields(new ElementCursor(bytes, scopeStart, valueEnd), rule === 'raw' ? 'raw' : 'hide', level + 1);
}
