// The operation codes of the MongoDB wire protocol and their names.
// Does not decide which of them a peer may send: the framer's owner passes `accepts`.
// Invariant: a code absent here is unknown everywhere.

/** Every opcode that ever had a meaning; most are dead but are recognised to be refused by name. */
export const OPCODE = {
  reply: 1,
  /** The old OP_MSG: a text for the log, not today's OP_MSG. */
  diagnostic: 1000,
  update: 2001,
  insert: 2002,
  query: 2004,
  getMore: 2005,
  delete: 2006,
  killCursors: 2007,
  command: 2010,
  commandReply: 2011,
  compressed: 2012,
  msg: 2013,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map<number, string>([
  [OPCODE.reply, 'OP_REPLY'],
  [OPCODE.diagnostic, 'OP_MSG_OLD'],
  [OPCODE.update, 'OP_UPDATE'],
  [OPCODE.insert, 'OP_INSERT'],
  [OPCODE.query, 'OP_QUERY'],
  [OPCODE.getMore, 'OP_GET_MORE'],
  [OPCODE.delete, 'OP_DELETE'],
  [OPCODE.killCursors, 'OP_KILL_CURSORS'],
  [OPCODE.command, 'OP_COMMAND'],
  [OPCODE.commandReply, 'OP_COMMANDREPLY'],
  [OPCODE.compressed, 'OP_COMPRESSED'],
  [OPCODE.msg, 'OP_MSG'],
]);

/** Name of an opcode for logs and labels; `unknown` for anything else, so that hostile numbers make no labels. */
export function opcodeName(opcode: number): string {
  return NAMES.get(opcode) ?? 'unknown';
}

/** Whether the code has or had a meaning. */
export function isKnownOpcode(opcode: number): boolean {
  return opcode === OPCODE.msg || NAMES.has(opcode);
}
