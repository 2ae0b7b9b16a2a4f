// Turns on the awaiting lane: when more getMores wait for news than it has connections, each goes to the server for a part
// of its await time, and is queued again while its batch is empty and its time lasts. It answers nobody (router.ts does).
// Invariants: a reply that says anything but "nothing new" ends the turns; what its client gets in the end is the last
// reply of the server, so that its resume token is fresh; with room on the lane a getMore is forwarded as it came.

import {
  type CommandView,
  Frame,
  insertMaxTime,
  type MaxTimePlace,
  maxTimePlace,
  mayInsertMaxTime,
  patchMaxTime,
  type ReplyView,
  readReply,
} from '../../codecs/index.ts';
import { Tally } from '../core/tally.ts';
import type { Cluster } from '../upstream/cluster.ts';
import { type EndpointKey, Exchange } from '../upstream/exchange.ts';
import type { CursorEntry, CursorTable } from './cursor-table.ts';
import type { Trip } from './trip.ts';

/** The server's default wait of an awaiting getMore without maxTimeMS (protocol.md 3.2). */
const DEFAULT_AWAIT_MS = 1000;
/** In a crowd everybody is to have had a turn within this. */
const ROUND_MS = 400;
/** A shorter turn is more traffic than help. */
const SHORTEST_TURN_MS = 20;
/** A turn while at least half of the lane is taken: whoever comes then waits no longer for one that waits for news. */
const LONGEST_TURN_MS = 1000;
/** Clients that were just answered ask again: a crowd is remembered for as long as one round of the default wait. */
const CROWD_MEMORY_MS = 2000;

/** One awaiting getMore of a client, over all its turns. */
export interface Awaiting {
  /** What is sent; its maxTimeMS is written anew for each turn. */
  readonly frame: Frame;
  /** Null: it was forwarded as it came, and its first reply is the answer. */
  readonly place: MaxTimePlace | null;
  /** How long its client wants to wait. */
  readonly awaitMs: number;
  readonly deadlineMs: number;
  /** An earlier one of this cursor never got a turn: this one goes before those that did. */
  readonly isOverdue: boolean;
  readonly lane: LaneLoad;
  /** The server's last word, a copy: nothing new. */
  lastEmpty: ReplyView | null;
  isOver: boolean;
}

/** Awaiting getMores of one endpoint, queued or at the server. */
interface LaneLoad {
  active: number;
  /** The most that were active lately, and when that was. */
  peak: number;
  peakMs: number;
}

export type TurnCount = 'again' | 'shortened' | 'killed';

export class AwaitTurns {
  /** again: turns that followed another of the same getMore; shortened: getMores that began with a part of their time. */
  readonly counts: Tally<TurnCount> = new Tally();
  readonly #cluster: Pick<Cluster, 'submit' | 'cancel'>;
  readonly #cursors: CursorTable;
  /** Connections of the lane to one endpoint. */
  readonly #connections: number;
  readonly #lanes: Map<EndpointKey, LaneLoad> = new Map();
  /** At most one getMore of a cursor is under way in any sane client; of several, the last. */
  readonly #trips: Map<CursorEntry, Trip> = new Map();
  readonly #overdue: WeakSet<CursorEntry> = new WeakSet();

  constructor(cluster: Pick<Cluster, 'submit' | 'cancel'>, cursors: CursorTable, connections: number) {
    this.#cluster = cluster;
    this.#cursors = cursors;
    this.#connections = Math.max(connections, 1);
  }

  /** Begins the way of a getMore on such a cursor; the caller sends its frame and says end() when it is over. */
  begin(command: CommandView, cursor: CursorEntry, nowMs: number): Awaiting {
    const lane = this.#enter(cursor.server, nowMs);
    const awaitMs = command.maxTimeMS > 0 ? command.maxTimeMS : DEFAULT_AWAIT_MS;
    const turnMs = this.#turnOf(lane, awaitMs, nowMs);
    const patched = turnMs < awaitMs ? patchable(command) : null;
    if (patched !== null) {
      patchMaxTime(patched.frame, patched.place, turnMs);
      this.counts.add('shortened');
    }
    return {
      frame: patched?.frame ?? command.frame,
      place: patched?.place ?? null,
      awaitMs,
      deadlineMs: nowMs + awaitMs,
      isOverdue: this.#overdue.has(cursor),
      lane,
      lastEmpty: null,
      isOver: false,
    };
  }

  /** A trip is about to begin: if it is one that begin() has seen, a kill can find it. */
  onSubmit(trip: Trip): void {
    if (trip.awaiting !== null && trip.cursor !== null) this.#trips.set(trip.cursor, trip);
  }

  /** Its turn comes after a wait: what is left of its time, and how many want the lane now, may have changed. */
  onLease(awaiting: Awaiting, frame: Frame, nowMs: number): void {
    if (awaiting.place === null) return;
    const leftMs = Math.max(awaiting.deadlineMs - nowMs, 1);
    patchMaxTime(frame, awaiting.place, this.#turnOf(awaiting.lane, leftMs, nowMs));
  }

  /** True: the reply says nothing new and was kept, and the getMore is in the queue again. False: the turns are over. */
  goesOn(trip: Trip, exchange: Exchange, reply: ReplyView): boolean {
    const { awaiting, cursor } = trip;
    if (awaiting === null || cursor === null) return false;
    this.#overdue.delete(cursor);
    if (awaiting.place === null || !isNothingNew(reply)) return false;
    if (trip.isKilled || trip.operation.client.isClosed) return false;
    const leftMs = awaiting.deadlineMs - exchange.repliedMs;
    if (leftMs < SHORTEST_TURN_MS || !this.#cursors.isOpen(cursor)) return false;
    awaiting.lastEmpty = copyOf(reply);
    const nowMs = exchange.repliedMs;
    patchMaxTime(exchange.frame, awaiting.place, this.#turnOf(awaiting.lane, leftMs, nowMs));
    const next = new Exchange({
      owner: trip,
      frame: exchange.frame,
      admission: 'ordinary',
      fence: null,
      waitBound: 'await',
      nowMs,
      maxWaitMs: leftMs,
      pin: exchange.pin,
      app: exchange.app,
    });
    trip.exchange = next;
    this.counts.add('again');
    this.#cluster.submit(trip.lane, next);
    return true;
  }

  /** The cursors are gone at the server: takes out the getMores that wait here for a turn on one; the caller answers them. */
  takeKilled(cursors: readonly CursorEntry[]): Trip[] {
    const taken: Trip[] = [];
    for (const cursor of cursors) {
      const trip = this.#trips.get(cursor);
      if (trip?.exchange === undefined || trip.exchange === null) continue;
      if (!this.#cluster.cancel(trip.lane, trip.exchange)) continue;
      this.counts.add('killed');
      taken.push(trip);
    }
    return taken;
  }

  /** The operation is over, whatever became of it. Later calls do nothing. */
  end(trip: Trip): void {
    const { awaiting, cursor } = trip;
    if (awaiting === null || cursor === null || awaiting.isOver) return;
    awaiting.isOver = true;
    // It never had a turn: the next one of this cursor goes first.
    if (trip.operation.serverMs < 0) this.#overdue.add(cursor);
    if (this.#trips.get(cursor) === trip) this.#trips.delete(cursor);
    awaiting.lane.active--;
  }

  #enter(key: EndpointKey, nowMs: number): LaneLoad {
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      this.#forgetIdle(nowMs);
      lane = { active: 0, peak: 0, peakMs: nowMs };
      this.#lanes.set(key, lane);
    }
    lane.active++;
    if (lane.active >= lane.peak || nowMs - lane.peakMs > CROWD_MEMORY_MS) {
      lane.peak = lane.active;
      lane.peakMs = nowMs;
    }
    return lane;
  }

  /** Servers come and go. */
  #forgetIdle(nowMs: number): void {
    for (const [key, { active, peakMs }] of this.#lanes) {
      if (active === 0 && nowMs - peakMs > CROWD_MEMORY_MS) this.#lanes.delete(key);
    }
  }

  /** How long the next turn is, of `leftMs` that its client would wait. */
  #turnOf(lane: LaneLoad, leftMs: number, nowMs: number): number {
    const wanting = nowMs - lane.peakMs > CROWD_MEMORY_MS ? lane.active : Math.max(lane.active, lane.peak);
    if (wanting > this.#connections) {
      const turnMs = ROUND_MS / Math.ceil(wanting / this.#connections);
      return Math.min(leftMs, Math.max(turnMs, SHORTEST_TURN_MS));
    }
    return wanting * 2 > this.#connections ? Math.min(leftMs, LONGEST_TURN_MS) : leftMs;
  }
}

/** The frame whose maxTimeMS may be written; null if it is the server's to judge. */
function patchable(command: CommandView): { frame: Frame; place: MaxTimePlace } | null {
  const place = command.maxTimeMS > 0 ? maxTimePlace(command) : null;
  if (place !== null) return { frame: command.frame, place };
  return mayInsertMaxTime(command) ? insertMaxTime(command) : null;
}

function isNothingNew(reply: ReplyView): boolean {
  return reply.ok && reply.hasOpenCursor && reply.batchCount === 0 && !reply.hasStateChangeCode;
}

/** A reply's bytes may lie in a chunk that is much larger than it is. */
function copyOf(reply: ReplyView): ReplyView {
  return readReply(Frame.of(Buffer.from(reply.frame.bytes)));
}
