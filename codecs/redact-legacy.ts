// Redacts OP_QUERY and the opcodes that were removed from servers, in place.
// Does not know OP_MSG. Invariant: throws DecodeError where the layout does not hold; what is in front of the documents
// (numbers, namespaces, names of commands) stays.

import { findZero } from './bytes.ts';
import { documentEnd, ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import { HEADER_BYTES } from './limits.ts';
import { scanOpQuery } from './op-query.ts';
import { OPCODE } from './opcode.ts';
import { isDocumentAt, redactCommand, redactDocuments } from './redact-command.ts';
import { FILTER, isSecretCommand, type Rule, replyRules, requestRule } from './redact-rules.ts';
import { nameOf, redactFields, redactValue } from './redact-walk.ts';

/** What of the options these opcodes need. */
export interface LegacyRedaction {
  readonly from: 'client' | 'server';
  readonly keepsValues: boolean;
  readonly isSecretReply?: boolean;
}

const LEGACY_COMMAND_COLLECTION = '.$cmd';
const LETTER_X = 0x78;

/** Whether it is a secret request. */
export function redactOpQuery(bytes: Buffer, { keepsValues }: LegacyRedaction): boolean {
  const { namespaceStart, namespaceEnd, queryStart, queryEnd } = scanOpQuery(bytes);
  const rest: Rule = keepsValues ? 'raw' : 'hide';
  redactDocuments(bytes, queryEnd, rest);
  const isCommand = bytes.toString('latin1', namespaceStart, namespaceEnd).endsWith(LEGACY_COMMAND_COLLECTION);
  const cursor = new ElementCursor(bytes, queryStart, queryEnd);
  if (!cursor.next() || !isWrapper(cursor, isCommand)) {
    return redactQuery(bytes, queryStart, queryEnd, { isCommand, keepsValues });
  }
  const isSecret = redactQuery(bytes, cursor.valueStart, cursor.valueEnd, { isCommand, keepsValues });
  while (cursor.next()) {
    const name = nameOf(cursor);
    redactValue(cursor, name === '$comment' ? 'comment' : requestRule('', name, keepsValues), 1);
  }
  return isSecret;
}

/** `$query`, or the oldest form of it, which only a query may have: a command of that name would be one. */
function isWrapper(cursor: ElementCursor, isCommand: boolean): boolean {
  const name = nameOf(cursor);
  return isDocumentAt(cursor) && (name === '$query' || (name === 'query' && !isCommand));
}

function redactQuery(
  bytes: Buffer,
  start: number,
  end: number,
  { isCommand, keepsValues }: { readonly isCommand: boolean; readonly keepsValues: boolean },
): boolean {
  if (isCommand) return isSecretCommand(redactCommand(bytes, start, end, keepsValues));
  redactFields(new ElementCursor(bytes, start, end), keepsValues ? 'raw' : FILTER);
  return false;
}

/** What stands in front of the documents: numbers of so many bytes, and names that end with a NUL. */
const LEGACY_HEADS: ReadonlyMap<number, readonly (number | 'name')[]> = new Map([
  [OPCODE.update, [4, 'name', 4]],
  [OPCODE.insert, [4, 'name']],
  [OPCODE.delete, [4, 'name', 4]],
  [OPCODE.command, ['name', 'name']],
  [OPCODE.commandReply, []],
]);

/** Whether it is a secret request. */
export function redactLegacy(bytes: Buffer, opcode: number, options: LegacyRedaction): boolean {
  // Numbers only: a name of a collection, counts and cursor ids.
  if (opcode === OPCODE.getMore || opcode === OPCODE.killCursors) return false;
  if (opcode === OPCODE.diagnostic) return redactText(bytes);
  const start = headEnd(bytes, LEGACY_HEADS.get(opcode) ?? refuse('unknown_opcode', 12));
  if (opcode === OPCODE.commandReply || options.from === 'server') {
    redactDocuments(bytes, start, replyRules(options.isSecretReply === true, options.keepsValues));
    return false;
  }
  if (opcode === OPCODE.command) return redactOpCommand(bytes, start, options.keepsValues);
  redactWrite(bytes, start, opcode, options.keepsValues);
  return false;
}

/** An update's or delete's selector first, then documents as they are. */
function redactWrite(bytes: Buffer, start: number, opcode: number, keepsValues: boolean): void {
  const hasSelector = opcode !== OPCODE.insert && start < bytes.length;
  const selectorEnd = hasSelector ? documentEnd(bytes, start, bytes.length) : start;
  redactDocuments(bytes, start, keepsValues ? 'raw' : FILTER, selectorEnd);
  redactDocuments(bytes, selectorEnd, keepsValues ? 'raw' : 'hide');
}

/** The whole message is one text that ends with a NUL. */
function redactText(bytes: Buffer): false {
  const zero = findZero(bytes, HEADER_BYTES, bytes.length);
  if (zero !== bytes.length - 1) return refuse('bad_layout', HEADER_BYTES);
  bytes.fill(LETTER_X, HEADER_BYTES, zero);
  return false;
}

function headEnd(bytes: Buffer, head: readonly (number | 'name')[]): number {
  let at = HEADER_BYTES;
  for (const part of head) {
    if (part === 'name') {
      const zero = findZero(bytes, at, bytes.length);
      at = zero < 0 ? bytes.length + 1 : zero + 1;
    } else {
      at += part;
    }
  }
  return at > bytes.length ? refuse('bad_layout', bytes.length) : at;
}

/** Database, command name, metadata, arguments, documents: only the document that begins with the name is a command. */
function redactOpCommand(bytes: Buffer, start: number, keepsValues: boolean): boolean {
  const nameStart = findZero(bytes, HEADER_BYTES, start) + 1;
  const name = bytes.toString('latin1', nameStart, start - 1);
  let at = start;
  while (at < bytes.length) {
    const next = documentEnd(bytes, at, bytes.length);
    const cursor = new ElementCursor(bytes, at, next);
    if (cursor.next() && nameOf(cursor) === name) redactCommand(bytes, at, next, keepsValues);
    else redactFields(new ElementCursor(bytes, at, next), keepsValues && !isSecretCommand(name) ? 'raw' : 'hide');
    at = next;
  }
  return isSecretCommand(name);
}
