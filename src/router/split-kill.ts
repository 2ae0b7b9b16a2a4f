// One killCursors whose cursors live at several members: a part goes to each, and the answers become one. It owns no cursor
// and looks none up. Invariant: the client is answered once, after the last part, and every id it named is in one list of
// the answer.

import { type BsonDocument, deserializeExact, Frame, Long, type ReplyView } from '../../codecs/index.ts';
import type { Journey, JourneyProgress, KillResult, Operation } from '../core/operation.ts';
import { type EndpointKey, Exchange, type ExchangeFailure, type ExchangeOwner } from '../upstream/exchange.ts';
import type { CursorEntry } from './cursor-table.ts';
import { encodeKillCursors } from './kill-cursors.ts';

const LISTS = ['cursorsKilled', 'cursorsNotFound', 'cursorsAlive', 'cursorsUnknown'] as const;
type List = (typeof LISTS)[number];

export interface SplitKillParts {
  readonly operation: Operation;
  /** At two members at least. */
  readonly owned: readonly CursorEntry[];
  /** Ids that are not the asker's: not found, for all that it may know. */
  readonly strangers: readonly bigint[];
  readonly maxWaitMs: number;
  submit(exchange: Exchange): void;
  /** See Cluster.cancel. */
  cancel(exchange: Exchange): boolean;
  /** A part was answered with ok: these are gone there. */
  onKilled(cursors: readonly CursorEntry[]): void;
  /** A member says that it is no primary any more. */
  onTrouble(endpoint: EndpointKey | null): void;
  onDone(answer: BsonDocument): void;
  /** A person ended it, instead of onDone. `wasSent`: at least a part of it. */
  onInterrupted(wasSent: boolean): void;
}

export class SplitKill implements Journey {
  readonly #parts: SplitKillParts;
  readonly #lists: Record<List, Long[]> = {
    cursorsKilled: [],
    cursorsNotFound: [],
    cursorsAlive: [],
    cursorsUnknown: [],
  };
  readonly #exchanges: Exchange[] = [];
  #pending = 0;
  #isInterrupted = false;

  constructor(parts: SplitKillParts) {
    this.#parts = parts;
    this.#lists.cursorsNotFound.push(...parts.strangers.map((id) => Long.fromBigInt(id)));
  }

  /** Sends all parts; onDone may be called before it returns. */
  start(): void {
    const groups = [...groupByServer(this.#parts.owned)];
    this.#pending = groups.length;
    this.#parts.operation.journey = this;
    for (const [server, cursors] of groups) this.#send(server, cursors);
  }

  #send(server: EndpointKey, cursors: readonly CursorEntry[]): void {
    const { operation, maxWaitMs } = this.#parts;
    const owner: ExchangeOwner = {
      onReply: (exchange, reply) => this.#onReply(exchange, cursors, reply),
      onFailed: (_exchange, failure) => this.#onFailed(cursors, failure),
    };
    const exchange = new Exchange({
      owner,
      frame: Frame.of(encodeKillCursors(operation.command, cursors, false)),
      admission: 'privileged',
      fence: null,
      waitBound: 'queue',
      nowMs: operation.arrivedMs,
      maxWaitMs,
      pin: server,
      app: operation.client.app,
    });
    this.#exchanges.push(exchange);
    this.#parts.submit(exchange);
  }

  /** All parts go their way: what they free is wanted by others. */
  clientGone(): void {}

  /** Parts that wait are dropped; the others go on, and what they ended is learned. */
  kill(): KillResult {
    const { operation } = this.#parts;
    const wasSent = this.#exchanges.some(({ state }) => state !== 'waiting');
    if (wasSent && operation.command.moreToCome) return 'unanswerable';
    for (const exchange of this.#exchanges) this.#parts.cancel(exchange);
    this.#isInterrupted = true;
    operation.journey = null;
    this.#parts.onInterrupted(wasSent);
    return wasSent ? 'answered' : 'left_queue';
  }

  progress(nowMs: number): JourneyProgress {
    const sent = this.#exchanges.find(({ state }) => state === 'sent');
    const waitedMs = (sent?.sentMs ?? nowMs) - this.#parts.operation.arrivedMs;
    if (sent === undefined) return { state: 'waiting', waitedMs, server: '' };
    return { state: 'at_server', waitedMs, server: sent.endpoint ?? '' };
  }

  #onReply(exchange: Exchange, cursors: readonly CursorEntry[], reply: ReplyView): void {
    if (reply.hasStateChangeCode) this.#parts.onTrouble(exchange.endpoint);
    if (!reply.ok) return this.#settle('cursorsUnknown', cursors);
    const document = deserializeExact(reply.body);
    for (const list of LISTS) this.#lists[list].push(...readIds(document[list]));
    this.#parts.onKilled(cursors);
    this.#finishPart();
  }

  /** What a member had that is out of reach is as good as gone. */
  #onFailed(cursors: readonly CursorEntry[], failure: ExchangeFailure): void {
    this.#settle(failure === 'unreachable' ? 'cursorsNotFound' : 'cursorsUnknown', cursors);
  }

  #settle(list: List, cursors: readonly CursorEntry[]): void {
    this.#lists[list].push(...cursors.map(({ id }) => Long.fromBigInt(id)));
    this.#finishPart();
  }

  #finishPart(): void {
    if (--this.#pending > 0 || this.#isInterrupted) return;
    this.#parts.operation.journey = null;
    this.#parts.onDone({ ...this.#lists });
  }
}

export function groupByServer(cursors: readonly CursorEntry[]): ReadonlyMap<EndpointKey, CursorEntry[]> {
  const groups = new Map<EndpointKey, CursorEntry[]>();
  for (const cursor of cursors) {
    const group = groups.get(cursor.server);
    if (group === undefined) groups.set(cursor.server, [cursor]);
    else group.push(cursor);
  }
  return groups;
}

function readIds(value: unknown): Long[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly unknown[]).filter((id): id is Long => id instanceof Long);
}
