// Sessions are taken as they come and forgotten; transactions do not exist and are refused by the dispatcher and here.
// Invariant: no command that would need a transaction is answered with ok 1.

import { randomBytes } from 'node:crypto';
import type { CommandFamily } from '../command.ts';
import { Binary, type Doc } from '../documents.ts';
import { CommandError } from '../errors.ts';

/** Throws the refusal of everything that belongs to a transaction. */
export function refuseTransaction(): never {
  throw new CommandError(
    20,
    'the sandbox has no transactions: it is for tests and demos; use a real replica set for them',
  );
}

function startSession(): Doc {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return { id: { id: new Binary(bytes, Binary.SUBTYPE_UUID) }, timeoutMinutes: 30 };
}

export const sessionCommands: CommandFamily = {
  startSession,
  endSessions: () => ({}),
  refreshSessions: () => ({}),
  killSessions: () => ({}),
  killAllSessions: () => ({}),
  commitTransaction: refuseTransaction,
  abortTransaction: refuseTransaction,
};
