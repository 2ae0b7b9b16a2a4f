// Counts what this program's clients sent, from the driver's own commandStarted events.
// It reads call sites from the comments as they were really sent, by design rules, independently of weir's code.
// Invariant: getMore and killCursors are counted under the call site of the command that opened their cursor.
import type { CommandStartedEvent, CommandSucceededEvent, Document, Long, MongoClient } from 'mongodb';
import type { SentRow } from '../../report.ts';
import { callSiteOf } from './comment.ts';

/** Commands of drivers' own housekeeping that never carry a collection as their first value. */
const NO_COLLECTION = new Set(['listCollections', 'endSessions', 'commitTransaction', 'abortTransaction']);

export class SentLedger {
  readonly #counts = new Map<string, number>();
  /** Cursor id -> call site of its opener. Ids are unique at one server, and all clients talk to one. */
  readonly #openers = new Map<string, string>();
  #poolCleared = 0;

  get poolCleared(): number {
    return this.#poolCleared;
  }

  watch(client: MongoClient): void {
    const pending = new Map<number, string>();
    client.on('commandStarted', (event) => {
      const callSite = this.#callSite(event);
      pending.set(event.requestId, callSite);
      const key = JSON.stringify([event.commandName, event.databaseName, collectionOf(event), callSite]);
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    });
    client.on('commandSucceeded', (event) => {
      this.#learn(event, pending.get(event.requestId) ?? '-');
      pending.delete(event.requestId);
    });
    client.on('commandFailed', (event) => pending.delete(event.requestId));
    client.on('connectionPoolCleared', () => {
      this.#poolCleared += 1;
    });
  }

  rows(): readonly SentRow[] {
    return [...this.#counts].map(([key, count]) => {
      const [command, db, collection, callSite] = JSON.parse(key) as [string, string, string, string];
      return { command, db, collection, callSite, count };
    });
  }

  #callSite(event: CommandStartedEvent): string {
    const command = event.command;
    const cursor = cursorsNamed(event)[0];
    const opener = cursor === undefined ? undefined : this.#openers.get(cursor);
    return opener ?? callSiteOf(commentOf(command));
  }

  #learn(event: CommandSucceededEvent, callSite: string): void {
    const reply = event.reply as Document | undefined;
    const id = (reply?.['cursor'] as Document | undefined)?.['id'] as bigint | number | Long | undefined;
    if (id === undefined || event.commandName === 'getMore') return;
    if (String(id) !== '0') this.#openers.set(String(id), callSite);
  }
}

function cursorsNamed(event: CommandStartedEvent): readonly string[] {
  if (event.commandName === 'getMore') return [String(event.command['getMore'])];
  if (event.commandName === 'killCursors') return (event.command['cursors'] as unknown[]).map(String);
  return [];
}

function collectionOf(event: CommandStartedEvent): string {
  const first: unknown = event.command[event.commandName];
  if (event.commandName === 'getMore') return String(event.command['collection']);
  if (event.commandName === 'aggregate' && typeof first !== 'string') return '$cmd.aggregate';
  return typeof first === 'string' && !NO_COLLECTION.has(event.commandName) ? first : '';
}

/** The comment of a command: its own, else `$comment` of its filter (find) or of its first statement (update, delete). */
function commentOf(command: Document): unknown {
  const own: unknown = command['comment'];
  if (own !== undefined) return own;
  const statements = (command['updates'] ?? command['deletes']) as Document[] | undefined;
  const filter = (command['filter'] ?? command['query'] ?? statements?.[0]?.['q']) as Document | undefined;
  return filter?.['$comment'];
}
