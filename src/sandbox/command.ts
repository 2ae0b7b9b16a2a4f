// The contract between the dispatcher and the command families: what a handler gets and gives.
// Invariant: a handler is synchronous and runs alone, so every command is atomic.

import type { Clock } from '../core/clock.ts';
import type { CursorBatch, CursorTable } from './cursors.ts';
import type { Doc, ObjectId } from './documents.ts';
import type { Engine } from './engine.ts';
import type { StatementMemory } from './retries.ts';
import type { Store } from './store.ts';

/** What all connections share. */
export interface ServerState {
  readonly store: Store;
  readonly cursors: CursorTable;
  readonly engine: Engine;
  readonly clock: Clock;
  /** New with every start, so that clients notice a restart. */
  readonly processId: ObjectId;
  readonly startedMs: number;
  /** `host:port` that clients dial. */
  readonly address: string;
  /** Name of the one-node set to pose as, or null for a standalone. */
  readonly replicaSet: string | null;
  connections(): number;
}

/** Who asks. */
export interface ClientIdentity {
  readonly connectionId: number;
  /** `host:port` of the peer. */
  readonly remote: string;
}

/** One command on its way. */
export interface CommandRequest {
  readonly name: string;
  readonly database: string;
  readonly command: Doc;
  readonly client: ClientIdentity;
  /** Given by the dispatcher when the command may be a retry of a write. */
  readonly retries?: StatementMemory;
}

/** Runs a command and returns its reply without `ok`. Throws CommandError. */
export type Handler = (request: CommandRequest, server: ServerState) => Doc;

/** Command names as on the wire. */
export type CommandFamily = Readonly<Record<string, Handler>>;

/** The `cursor` document of a first reply. */
export function firstBatchReply(namespace: string, batch: CursorBatch): Doc {
  return { cursor: { firstBatch: batch.documents, id: batch.id, ns: namespace } };
}
