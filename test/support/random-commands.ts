// The commands of a random world's clients, by number: what a driver may send, now and then on a stranger's cursor.
// It draws nothing itself. Invariant: the same numbers give the same command.

import type { BsonDocument } from '../../codecs/index.ts';
import { FLAG, inTransaction } from './test-client.ts';

/** What a command depends on of the client that sends it; a new transaction takes the next number. */
export interface Commander {
  readonly lsid: BsonDocument;
  /** Ids that its answers named, the latest last. */
  readonly cursors: readonly bigint[];
  txnNumber: number;
}

export interface CommandWorld {
  /** The cursor that the server opened last, whoever owns it. */
  readonly lastCursor: bigint;
  readonly callSites: number;
}

/** A command with its flags. Cursors are mostly the commander's own, sometimes a guess, so that strangers ask too. */
export function commandOf(commander: Commander, number: number, world: CommandWorld): [BsonDocument, number] {
  const { lsid, cursors } = commander;
  const how = Math.floor(number / 16);
  const cursor = (how % 4 === 0 ? undefined : cursors.at(-1 - (how % 2))) ?? world.lastCursor;
  const comment = `site${how % world.callSites}`;
  const bound: BsonDocument = how % 7 === 0 ? { maxTimeMS: 500 } : {};
  const exhaust = how % 5 === 0 ? FLAG.exhaustAllowed : 0;
  const commands: readonly (() => [BsonDocument, number])[] = [
    () => [{ find: 'a', lsid, comment, ...bound }, 0],
    () => [{ find: 'a', comment }, 0],
    () => [{ find: 'tail', tailable: true, awaitData: true, lsid }, 0],
    () => [{ getMore: cursor, collection: 'a', lsid, ...bound }, exhaust],
    () => [{ getMore: cursor, collection: 'a', lsid, ...bound }, exhaust],
    () => [{ getMore: cursor, collection: 'a' }, 0],
    () => [{ insert: 'b', lsid, txnNumber: BigInt(how) }, 0],
    () => [{ insert: 'w0', writeConcern: { w: 0 } }, FLAG.moreToCome],
    () => [how % 2 === 0 ? { ping: 1 } : { hello: 1 }, 0],
    () => [{ update: 'b', ...inTransaction(lsid, ++commander.txnNumber, true) }, 0],
    () => [{ update: 'b', ...inTransaction(lsid, commander.txnNumber) }, 0],
    () => [{ commitTransaction: 1, ...inTransaction(lsid, commander.txnNumber) }, 0],
    () => [{ abortTransaction: 1, ...inTransaction(lsid, commander.txnNumber) }, 0],
    () => [{ killCursors: 'a', cursors: [cursor, cursor - 1n], lsid }, 0],
    () => [{ killCursors: 'a', cursors: [cursor] }, how % 9 === 0 ? FLAG.moreToCome : 0],
    () => [{ endSessions: [lsid] }, how % 2 === 0 ? FLAG.moreToCome : 0],
  ];
  // Whoever has no cursor yet opens one more often than it asks for a stranger's.
  const isTooEarly = cursors.length === 0 && how % 4 !== 0 && (number % 16 === 3 || number % 16 === 4);
  return (commands[isTooEarly ? how % 3 : number % 16] as () => [BsonDocument, number])();
}
