// A sandbox without a socket: commands go straight to the dispatcher. Time stands still unless a test moves it.

import type { Clock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { CursorTable } from '../../../src/sandbox/cursors.ts';
import { Dispatcher } from '../../../src/sandbox/dispatcher.ts';
import { type Doc, isDocument, ObjectId } from '../../../src/sandbox/documents.ts';
import { loadEngine } from '../../../src/sandbox/engine.ts';
import { Store } from '../../../src/sandbox/store.ts';

export const stillClock: Clock = {
  nowMs: () => 0,
  wallMs: () => 1_700_000_000_000,
  setTimer: () => ({ cancel: () => {} }),
  onTurnEnd: (run) => run(),
};

export interface FixtureOptions {
  readonly limitBytes?: number;
  readonly cursorLimit?: number;
  readonly replicaSet?: string;
}

export interface Fixture {
  /** Runs a command on database `shop` and returns the whole reply. */
  readonly run: (command: Doc, database?: string) => Doc;
  /** The documents of a find. */
  readonly find: (collection: string, filter?: Doc) => Doc[];
  readonly dispatcher: Dispatcher;
  readonly cursors: CursorTable;
}

export async function makeFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const cursors = new CursorTable(options.cursorLimit);
  const dispatcher = new Dispatcher(
    {
      store: new Store(options.limitBytes ?? 1_000_000),
      cursors,
      engine: await loadEngine(),
      clock: stillClock,
      processId: new ObjectId('64d2f1f0aabbccddeeff0011'),
      startedMs: 0,
      address: '127.0.0.1:27017',
      replicaSet: options.replicaSet ?? null,
      connections: () => 1,
    },
    silentLogger,
  );
  const run = (command: Doc, database = 'shop'): Doc => {
    const name = Object.keys(command)[0] ?? '';
    return dispatcher.run({ name, database, command, client: { connectionId: 1, remote: '127.0.0.1:5' } });
  };
  return { run, dispatcher, cursors, find: (collection, filter = {}) => batchOf(run({ find: collection, filter })) };
}

/** The documents of a reply with a cursor. */
export function batchOf(reply: Doc): Doc[] {
  const cursor = reply['cursor'];
  if (!isDocument(cursor)) throw new Error(`no cursor in ${JSON.stringify(reply)}`);
  return (cursor['firstBatch'] ?? cursor['nextBatch']) as Doc[];
}

/** The cursor id of a reply. */
export function cursorIdOf(reply: Doc): number {
  const cursor = reply['cursor'];
  if (!isDocument(cursor)) throw new Error(`no cursor in ${JSON.stringify(reply)}`);
  return Number(cursor['id']);
}
