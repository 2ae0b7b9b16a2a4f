// What weir knows of one request after a single pass over its body: plain fields, fixed shape.
// Does not scan: `command.ts` fills it. Values that few callers want are decoded when asked for.
// Invariant: offsets are into `frame.bytes` and inside it; getters never throw on a view that readCommand returned.

import { type BsonDocument, deserialize } from './bson.ts';
import { BsonView } from './bson-view.ts';
import { type CommandRow, UNKNOWN_COMMAND } from './command-table.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import type { Frame } from './frame.ts';
import { type NamespaceUse, readNamespaceUses } from './namespace-uses.ts';
import type { SequenceRange } from './op-msg.ts';
import { OPCODE } from './opcode.ts';
import type { QueryKind } from './query-kind.ts';
import { countStatements } from './statements.ts';
import { readBigInt } from './value.ts';

/** Whether the cursor this command opens will wait for data: it then belongs on the awaiting lane. */
export type AwaitingCursor = 'none' | 'tailable' | 'change_stream';

const UUID_BYTES = 16;
const NO_SEQUENCES: readonly SequenceRange[] = [];
const EMPTY_DOCUMENT: Buffer = Buffer.from([5, 0, 0, 0, 0]);

/** The fields as the reader writes them; everyone else sees {@link CommandView}. */
export class CommandFields {
  readonly frame: Frame;
  readonly opcode: number;
  /** No reply will be sent: an OP_MSG flag; OP_QUERY always has a reply. */
  moreToCome = false;
  exhaustAllowed = false;
  checksumPresent = false;
  /**
   * First key as sent; '' for an OP_QUERY that is no command. A legacy request that readAnyRequest has read is called
   * like its opcode: OP_INSERT, OP_QUERY …
   */
  name = '';
  /** What is known of the command by its name. */
  row: CommandRow = UNKNOWN_COMMAND;
  /** `$db` as sent. */
  database = '';
  /** Database of the collection: `database`, unless the command names another (bulkWrite, renameCollection …). */
  namespaceDatabase = '';
  /** '' if the command names none (or several: bulkWrite over many namespaces). */
  collection = '';
  /** Full name of a bulkWrite's only namespace, else ''. */
  bulkWriteNamespace = '';
  hasLsid = false;
  /** Offsets of the lsid document and of its 16 uuid bytes; -1 without lsid. */
  lsidStart = -1;
  lsidEnd = -1;
  lsidUuidStart = -1;
  hasTxnNumber = false;
  txnNumberStart = -1;
  /** autocommit is present and false: the command belongs to a transaction. */
  autocommitFalse = false;
  startTransaction = false;
  /** Milliseconds; -1 if absent, negative or beyond int32. */
  maxTimeMS = -1;
  /** Where the value of maxTimeMS lies, for a patch of the same width; -1 where maxTimeMS is. */
  maxTimeOffset = -1;
  /** Its BSON type, also of a value that is no limit; 0 if absent. */
  maxTimeType = 0;
  /** getMore's id. */
  cursorIdType = 0;
  cursorIdStart = -1;
  /** killCursors' array; in OP_KILL_CURSORS the int64s themselves. */
  cursorsStart = -1;
  cursorsEnd = -1;
  opensAwaitingCursor: AwaitingCursor = 'none';
  /** BSON type of the comment, 0 = none; its value's bytes are from commentStart to commentEnd. */
  commentType = 0;
  commentStart = -1;
  commentEnd = -1;
  /** By the predicate's `_id`; of several statements, the first one's. */
  queryKind: QueryKind = 'none';
  /** Name of the command inside an explain, '' without one. */
  explainedName = '';
  /** Statements as counted by whoever saw the whole message; -1 = count them here. */
  knownStatements = -1;
  /** Ids of a killCursors and collections of a bulkWrite, likewise; -1 and null = read them here. */
  knownCursors = -1;
  knownUses: readonly NamespaceUse[] | null = null;
  sequences: readonly SequenceRange[] = NO_SEQUENCES;
  /** The array of statements in the body; -1 without one. */
  statementsStart = -1;
  statementsEnd = -1;
  /** `$readPreference.mode` as sent, '' if none. */
  readPreferenceMode = '';
  /** The command document (inside `$query` where OP_QUERY wraps it). */
  bodyStart = 0;
  bodyEnd = 0;

  constructor(frame: Frame) {
    this.frame = frame;
    this.opcode = frame.opcode;
  }

  /** The 16 uuid bytes as latin1 text: a compact key for tables. '' without lsid. */
  get lsidKey(): string {
    const start = this.lsidUuidStart;
    return start < 0 ? '' : this.frame.bytes.toString('latin1', start, start + UUID_BYTES);
  }

  /** 0n if absent. */
  get txnNumber(): bigint {
    return this.hasTxnNumber ? this.frame.bytes.readBigInt64LE(this.txnNumberStart) : 0n;
  }

  /** The cursor a getMore asks, else 0n. */
  get cursorId(): bigint {
    return this.cursorIdType === 0 ? 0n : readBigInt(this.frame.bytes, this.cursorIdType, this.cursorIdStart);
  }

  /** How many ids a killCursors names; of a large one cursorIds has only the first thousands. */
  get cursorCount(): number {
    return this.knownCursors >= 0 ? this.knownCursors : this.cursorIds.length;
  }

  /** The ids a killCursors names, in order; as many as fit in the frame. */
  get cursorIds(): bigint[] {
    const ids: bigint[] = [];
    if (this.cursorsStart < 0) {
      return ids;
    }
    if (this.opcode === OPCODE.killCursors) {
      for (let at = this.cursorsStart; at < this.cursorsEnd; at += 8) ids.push(this.frame.bytes.readBigInt64LE(at));
      return ids;
    }
    const cursor = new ElementCursor(this.frame.bytes, this.cursorsStart, this.cursorsEnd);
    while (cursor.next()) {
      ids.push(readBigInt(cursor.bytes, cursor.type, cursor.valueStart));
    }
    return ids;
  }

  /** The command document's bytes, not copied. */
  get body(): Buffer {
    return this.frame.bytes.subarray(this.bodyStart, this.bodyEnd);
  }

  /** A lazy view on the command document; an empty one for a legacy request that holds none. */
  get document(): BsonView {
    return this.bodyEnd === this.bodyStart
      ? new BsonView(EMPTY_DOCUMENT)
      : new BsonView(this.frame.bytes, this.bodyStart, this.bodyEnd);
  }

  /** The comment decoded: text, number, plain object, array …; undefined if there is none or it cannot be decoded. */
  get commentValue(): unknown {
    if (this.commentType === BSON_TYPE.string) {
      return this.frame.bytes.toString('utf8', this.commentStart + 4, this.commentEnd - 1);
    }
    return this.commentType === 0 ? undefined : this.#decodeComment();
  }

  /** Documents an insert holds, updates, deletes, operations of a bulkWrite; 0 for anything else. Counted at each call. */
  get statementCount(): number {
    if (this.knownStatements >= 0) {
      return this.knownStatements;
    }
    return this.row.statements === '' ? 0 : countStatements(this);
  }

  /** Whether namespaces() may name more than the collection; false for almost every command. */
  get mayUseMore(): boolean {
    return this.row.secondary !== 'none';
  }

  /**
   * Every collection the command names, the primary one first: $lookup, $graphLookup, $unionWith, $out and $merge also in
   * nested pipelines, the namespaces of a bulkWrite, where a rename or a mapReduce goes to. Read anew at each call.
   */
  namespaces(): readonly NamespaceUse[] {
    return this.knownUses ?? readNamespaceUses(this);
  }

  #decodeComment(): unknown {
    const value = this.frame.bytes.subarray(this.commentStart, this.commentEnd);
    const head = Buffer.alloc(7);
    head.writeInt32LE(value.length + 8, 0);
    head[4] = this.commentType;
    head[5] = 0x63;
    let wrapped: BsonDocument;
    try {
      wrapped = deserialize(Buffer.concat([head, value, Buffer.alloc(1)]));
    } catch {
      // A comment is never worth refusing a command that the server may well accept.
      return undefined;
    }
    return wrapped['c'];
  }
}

/** The request as everyone but its reader sees it. */
export type CommandView = Readonly<CommandFields>;
