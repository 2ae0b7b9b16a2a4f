// One command in, one reply out: finds the handler, counts, refuses transactions, turns thrown errors into replies.
// It knows no socket. Invariant: it never throws, whatever the command holds.

import type { Logger } from '../core/logger.ts';
import type { CommandFamily, CommandRequest, Handler, ServerState } from './command.ts';
import { aggregateCommands } from './commands/aggregate.ts';
import { bulkWriteCommands } from './commands/bulk-write.ts';
import { catalogCommands } from './commands/catalog.ts';
import { cursorCommands } from './commands/cursor.ts';
import { handshakeCommands } from './commands/handshake.ts';
import { indexCommands } from './commands/indexes.ts';
import { insertDeleteCommands } from './commands/insert-delete.ts';
import { readCommands } from './commands/read.ts';
import { refuseTransaction, sessionCommands } from './commands/sessions.ts';
import { updateCommands } from './commands/update.ts';
import { type Doc, Double } from './documents.ts';
import { CommandError, errorReply } from './errors.ts';
import { RetryMemory } from './retries.ts';

const families: readonly CommandFamily[] = [
  handshakeCommands,
  readCommands,
  cursorCommands,
  insertDeleteCommands,
  updateCommands,
  bulkWriteCommands,
  aggregateCommands,
  catalogCommands,
  indexCommands,
  sessionCommands,
];

const handlers: ReadonlyMap<string, Handler> = new Map(families.flatMap((family) => Object.entries(family)));

/** Commands that are counted under this name have no handler. */
export const UNKNOWN_COMMAND: string = 'unknown';

/** See the head of the file. */
export class Dispatcher {
  readonly #server: ServerState;
  readonly #logger: Logger;
  readonly #retries = new RetryMemory();
  readonly #counts = new Map<string, number>();

  constructor(server: ServerState, logger: Logger) {
    this.#server = server;
    this.#logger = logger;
  }

  /** Commands that ran, by name; all without a handler under one. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Counts a command that reached the server, whatever becomes of it. */
  count(name: string): void {
    const known = handlers.has(name) ? name : UNKNOWN_COMMAND;
    this.#counts.set(known, (this.#counts.get(known) ?? 0) + 1);
  }

  /** Runs it and returns the whole reply, `ok` included. */
  run(request: CommandRequest): Doc {
    try {
      return { ...this.#execute(request), ok: new Double(1) };
    } catch (error) {
      if (error instanceof CommandError) return errorReply(error.code, error.message, [], error.extra);
      this.#logger.error({ command: request.name, error }, 'the sandbox failed to run a command');
      return errorReply(8, 'the sandbox failed to run this command');
    }
  }

  #execute(request: CommandRequest): Doc {
    const handler = handlers.get(request.name);
    if (handler === undefined) throw new CommandError(59, `no such command: '${request.name.slice(0, 100)}'`);
    if (!/^[^/\\. "$\0]{1,63}$/.test(request.database)) throw new CommandError(73, 'Invalid database name');
    if (request.command['autocommit'] !== undefined || request.command['startTransaction'] !== undefined)
      refuseTransaction();
    const retries = this.#retries.open(request);
    return handler(retries === null ? request : { ...request, retries }, this.#server);
  }
}
