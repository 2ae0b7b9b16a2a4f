// Random clients and a random server around the whole proxy: every request carries a nonce, the server puts the nonce of
// the request it got into its reply's body, and the world checks that each client gets its own nonce back.
// It draws nothing itself: a step is three numbers. Its server answers the requests of one connection in their order, as
// MongoDB does. Invariant: the world sends nothing malformed, so weir never closes a client that the world did not kill,
// and every whole request of a living client is answered in its turn.

import assert from 'node:assert/strict';
import { type BsonDocument, encodeMessage } from '../../codecs/index.ts';
import type { Operation } from '../../src/core/operation.ts';
import type { ServerConnection, ServerRequest } from './fake-server.ts';
import { assertNothingLeftInRig } from './leaks.ts';
import { commandOf } from './random-commands.ts';
import { type Rig, startRig } from './rig.ts';
import { batchReply, clientDocument, cursorReply, FLAG, session, type TestClient } from './test-client.ts';

/** What happens, to whom, and how: numbers of 0 or more. 12 and above is a request, so the more of those the busier. */
export type Step = readonly [what: number, who: number, how: number];

interface Sent {
  readonly id: number;
  readonly nonce: number;
  readonly name: string;
  readonly wantsAnswer: boolean;
}

interface Actor {
  readonly client: TestClient;
  readonly lsid: BsonDocument;
  readonly sent: Sent[];
  /** Bytes that the network has not delivered yet. */
  underWay: Buffer;
  isKilled: boolean;
  txnNumber: number;
  /** Ids that its answers named. */
  readonly cursors: bigint[];
  /** Answers that were checked already. */
  checked: number;
}

const LOCAL = new Set(['ping', 'hello', 'endSessions', 'whatsmyuri']);
/** Codes that weir may answer by itself here. */
const OWN_CODES = new Set([6, 43, 50, 462]);
const CAPS = [1, 2, 3, 8];
const ADVANCES = [0, 1, 1, 50, 50, 300, 300, 1000, 1000, 6000, 31_000];

/** Rounds until finds and inserts are known to be short, and may stand a few deep on a connection. */
const WARM_ROUNDS = 28;
const WARM_INSERTS = 7;
const WARM_MS = 2;

export interface WorldOptions {
  /** Absent: what weir does by itself. */
  readonly pipelining?: 'adaptive' | 'off';
  /** Operations are known to be short before the first step, so that they may share connections. */
  readonly isWarm?: boolean;
  /**
   * Now and then the server gives a connection what another request was to get: all of it, id included, which weir must
   * notice; or only its body under the right id, which nobody but the client can notice.
   */
  readonly lie?: 'reply' | 'body';
}

export class RandomWorld {
  readonly rig: Rig;
  readonly served: Operation[] = [];
  /** Requests that came to the server behind another one of the same connection. */
  shared = 0;
  /** Answers that were another request's. */
  lies = 0;
  readonly #options: WorldOptions;
  readonly #actors: Actor[] = [];
  readonly #outboxes: Map<ServerConnection, Buffer> = new Map();
  readonly #mostConnections: number;
  #lastNonce = 0;
  #lastCursor = 0n;
  #process = 1;

  constructor(shape: number, options: WorldOptions = {}) {
    this.#options = options;
    const maxConnections = CAPS[shape % CAPS.length] ?? 1;
    const awaitConnections = 1 + (shape % 2);
    const maxWaiters = shape % 3 === 0 ? 4 : 1000;
    this.#mostConnections = maxConnections + awaitConnections + 1;
    const pipelining = options.pipelining === undefined ? {} : { pipelining: options.pipelining };
    this.rig = startRig({ pool: { maxConnections, awaitConnections, maxWaiters, ...pipelining } });
    const { dispatcher, server } = this.rig;
    server.respond = (request) => {
      if (this.#open(request.connection).length > 1) this.shared++;
      return undefined;
    };
    const serve = dispatcher.serve.bind(dispatcher);
    dispatcher.serve = (operation) => {
      this.served.push(operation);
      serve(operation);
    };
    for (let i = 0; i < 3; i++) this.#connect(options.isWarm === true ? 0 : i);
    if (options.isWarm === true) this.#warmUp();
  }

  /** Replies that weir found to answer nothing. */
  get mismatches(): number {
    return this.rig.cluster.closedFor('response_mismatch');
  }

  play(steps: readonly Step[]): void {
    for (const step of steps) {
      this.#play(step);
      this.#check();
    }
    this.#quiesce();
    this.#checkEnd();
  }

  #play([what, who, how]: Step): void {
    const actor = this.#pick(who);
    const { socket } = actor.client;
    const deeds: readonly (() => unknown)[] = [
      () => this.#connect(how),
      () => how % 4 === 0 && this.#kill(actor),
      () => how % 4 === 0 && this.#pickConnection(who)?.socket.hangUp(),
      () => this.#killOrStart(how),
      () => this.rig.clock.advance(ADVANCES[how % ADVANCES.length] ?? 0),
      () => {
        socket.isStuck = true;
      },
      () => socket.unstick(),
      () => this.#deliver(actor, how),
      () => this.#deliverReplies(how),
      () => this.#answerSome(who, how),
      () => this.#answerSome(who, how),
      () => this.#answerSome(who, how),
    ];
    const deed = deeds[what];
    if (deed === undefined) this.#send(actor, how);
    else deed();
    if (how % 3 !== 0) this.rig.settle();
  }

  // --- clients ----------------------------------------------------------------------------------------------------

  #connect(how: number): void {
    const client = this.rig.connectClient(`10.0.0.${how % 2}`);
    const actor: Actor = {
      client,
      lsid: session(this.#actors.length % 5),
      sent: [],
      underWay: Buffer.alloc(0),
      isKilled: false,
      txnNumber: 0,
      cursors: [],
      checked: 0,
    };
    this.#actors.push(actor);
    this.#push(actor, { hello: 1, client: clientDocument(`app${how % 3}`), $db: 'admin' }, 0);
    this.#deliver(actor, 0);
  }

  /** Everybody asks at once, again and again, and the server is quick. */
  #warmUp(): void {
    for (let round = 0; round < WARM_ROUNDS; round++) {
      const isInsert = round < WARM_INSERTS;
      for (const actor of this.#actors) {
        const { lsid } = actor;
        this.#push(actor, isInsert ? { insert: 'b', lsid, txnNumber: 1n } : { find: 'a', lsid, comment: 'site0' }, 0);
        this.#deliver(actor, 0);
      }
      this.rig.settle();
      for (let left = this.#actors.length; left > 0; left--) {
        this.rig.clock.advance(WARM_MS);
        this.#answer(0, 3);
        this.#deliverReplies(0);
        this.rig.settle();
      }
      this.#check();
    }
  }

  #pick(who: number): Actor {
    const living = this.#actors.filter((actor) => !actor.isKilled);
    if (living.length === 0) this.#connect(who);
    return living[who % Math.max(1, living.length)] ?? (this.#actors.at(-1) as Actor);
  }

  #kill(actor: Actor): void {
    actor.isKilled = true;
    actor.client.socket.isPaused = false;
    actor.client.socket.hangUp();
  }

  #push(actor: Actor, document: BsonDocument, flags: number): void {
    const nonce = ++this.#lastNonce;
    const bytes = actor.client.encode({ ...document, nonce }, flags);
    const name = Object.keys(document)[0] ?? '';
    actor.sent.push({ id: bytes.readInt32LE(4), nonce, name, wantsAnswer: (flags & FLAG.moreToCome) === 0 });
    actor.underWay = Buffer.concat([actor.underWay, bytes]);
  }

  /** Mostly like a driver, which waits for its answer first; a quarter of the time without waiting. */
  #send(actor: Actor, how: number): void {
    const asked = actor.sent.filter(({ wantsAnswer }) => wantsAnswer).length;
    if (how % 4 !== 0 && asked > actor.client.replies.length) {
      this.#deliver(actor, 0);
      this.#answerSome(0, how);
      return;
    }
    const world = { lastCursor: this.#lastCursor, callSites: this.#options.isWarm === true ? 1 : 3 };
    const [document, flags] = commandOf(actor, how, world);
    this.#push(actor, document, flags);
    if (how % 5 !== 0) this.#deliver(actor, how);
  }

  /** Hands over some of the bytes under way, cut anywhere; 0: all of them. */
  #deliver(actor: Actor, how: number): void {
    const all = actor.underWay;
    const length = how % 3 === 0 ? all.length : how % (all.length + 1);
    actor.underWay = all.subarray(length);
    if (length > 0) actor.client.socket.feed(Buffer.from(all.subarray(0, length)));
  }

  // --- the server -------------------------------------------------------------------------------------------------

  /** Those that a connection must answer, in their order. */
  #open({ isGone, requests }: ServerConnection): ServerRequest[] {
    return isGone ? [] : requests.filter(isOpen);
  }

  /** Those that may be answered next: the oldest of each connection. */
  #due(): ServerRequest[] {
    return this.rig.server.live.flatMap((connection) => connection.requests.find(isOpen) ?? []);
  }

  /** Up to six, on any of the connections: completions change their order. */
  #answerSome(who: number, how: number): void {
    for (let more = 0; more <= how % 6; more++) {
      this.#answer(who + more * 7, how + more);
      if (how % 2 === 0) this.rig.settle();
    }
  }

  #answer(who: number, how: number): void {
    const due = this.#due();
    const request = due[who % Math.max(1, due.length)];
    if (request === undefined) return;
    request.isAnswered = true;
    const answered = this.#isLie(how) ? this.#anyOther(request) : request;
    const nonce: unknown = answered.document['nonce'];
    const body = { ...(nonce === undefined ? {} : { nonce }), ...this.#result(answered, how) };
    const id = this.#options.lie === 'reply' ? answered.requestId : request.requestId;
    const bytes = encodeMessage({ ok: 1, ...body }, 3, id);
    const { connection } = request;
    this.#outboxes.set(connection, Buffer.concat([this.#outboxes.get(connection) ?? Buffer.alloc(0), bytes]));
    if (how % 4 !== 0) this.#deliverFrom(connection, how);
  }

  #isLie(how: number): boolean {
    return this.#options.lie !== undefined && how % 3 === 1;
  }

  /** One that waits for an answer on any connection, or the request itself if there is none. */
  #anyOther(request: ServerRequest): ServerRequest {
    const other = this.rig.server.live.flatMap((connection) => this.#open(connection)).at(-1);
    if (other !== undefined) this.lies++;
    return other ?? request;
  }

  #result({ name, document }: ServerRequest, how: number): BsonDocument {
    if (how % 11 === 0) return { ok: 0, code: 10107, codeName: 'NotWritablePrimary', errmsg: 'not primary' };
    if (how % 13 === 0) return { ok: 0, code: 251, errmsg: 'x', errorLabels: ['TransientTransactionError'] };
    if (how % 17 === 0) return { text: 'x'.repeat(70_000) };
    if (name === 'find') return cursorReply(how % 3 === 0 ? 0 : ++this.#lastCursor, String(document['find']));
    if (name === 'getMore')
      return batchReply(how % 5 === 0 ? 0 : BigInt(document['getMore'] as number), 'a', [{ how }]);
    if (name === 'killCursors') return { cursorsKilled: [], cursorsNotFound: document['cursors'] as unknown[] };
    return { n: how % 5 };
  }

  #deliverReplies(how: number): void {
    const connections = [...this.#outboxes.keys()];
    const connection = connections[how % Math.max(1, connections.length)];
    if (connection !== undefined) this.#deliverFrom(connection, how);
  }

  #deliverFrom(connection: ServerConnection, how: number): void {
    const all = this.#outboxes.get(connection) ?? Buffer.alloc(0);
    const length = how % 2 === 0 ? all.length : how % (all.length + 1);
    if (length === all.length) this.#outboxes.delete(connection);
    else this.#outboxes.set(connection, all.subarray(length));
    if (length > 0) connection.socket.feed(Buffer.from(all.subarray(0, length)));
  }

  #pickConnection(who: number): ServerConnection | undefined {
    const { live } = this.rig.server;
    return live[who % Math.max(1, live.length)];
  }

  #killOrStart(how: number): void {
    const { server } = this.rig;
    if (!server.isAccepting) server.start(`64b64c2f1f1f1f1f1f1f1f${String(10 + (++this.#process % 80))}`);
    else if (how % 12 === 0) server.kill();
  }

  // --- judging ----------------------------------------------------------------------------------------------------

  #check(): void {
    const { server, cluster } = this.rig;
    assert.ok(server.peak <= this.#mostConnections, `${server.peak} connections at the server`);
    for (const actor of this.#actors) {
      const { replies } = actor.client;
      const asked = actor.sent.filter(({ wantsAnswer }) => wantsAnswer);
      for (; actor.checked < replies.length; actor.checked++) {
        const reply = replies[actor.checked];
        const question = asked[actor.checked];
        assert.ok(reply && question, 'an answer without a question');
        assert.equal(reply.responseTo, question.id, 'answers out of order');
        assertOwn(question, reply.document);
        const id = Number((reply.document['cursor'] as { id?: number } | undefined)?.id ?? 0);
        if (id !== 0) actor.cursors.push(BigInt(id));
      }
      assert.ok(actor.isKilled || !actor.client.isClosed, 'weir closed a client that did nothing wrong');
    }
    const unasked = cluster.closedFor('unexpected_reply');
    if (this.#options.lie === undefined) assert.equal(this.mismatches + unasked, 0, 'mismatches');
  }

  /** The network and the server do all they owe; then time passes. Returns whether there was anything. */
  #goOn(ms: number): boolean {
    const { server, clock } = this.rig;
    if (!server.isAccepting) this.#killOrStart(0);
    for (const actor of this.#actors) {
      if (actor.isKilled) continue;
      actor.client.socket.unstick();
      this.#deliver(actor, 0);
    }
    for (const connection of [...this.#outboxes.keys()]) this.#deliverFrom(connection, 0);
    this.rig.settle();
    let wasOpen = false;
    for (; this.#due().length > 0; wasOpen = true) this.#answer(0, 2);
    clock.advance(ms);
    this.#check();
    return wasOpen;
  }

  /** Everything that is under way comes to its end. */
  #quiesce(): void {
    for (let quiet = 0, round = 0; quiet < 8 && round < 1000; round++) quiet = this.#goOn(1000) ? 0 : quiet + 1;
  }

  #checkEnd(): void {
    const { clock, cluster, dispatcher, server, table } = this.rig;
    for (const { client, sent, isKilled } of this.#actors) {
      if (isKilled) continue;
      const asked = sent.filter(({ wantsAnswer }) => wantsAnswer);
      assert.equal(client.replies.length, asked.length, 'requests without an answer');
    }
    const living = this.#actors.filter(({ isKilled }) => !isKilled);
    for (const actor of living) this.#kill(actor);
    for (let second = 0; second < 36; second++) this.#goOn(1000);
    // A commit whose connection was lost is the server's to decide on; weir forgets it after 120 s.
    for (let more = 0; more < 9; more++) this.#goOn(10_000);
    // What weir asked of its idle connections meanwhile is answered.
    this.#goOn(0);
    assert.equal(table.totals.active, 0, 'operations that never ended');
    assertNothingLeftInRig(this.rig);
    assert.ok(this.served.every((operation) => operation.isFinished));
    assert.equal(table.totals.operations, this.served.length, 'operations counted more or less than once');
    dispatcher.router.cleanUp.stop();
    cluster.stop();
    clock.advance(0);
    assert.equal(dispatcher.router.cleanUp.pending, 0, 'clean-up under way after the stop');
    for (const lane of cluster.snapshot()) assert.equal(lane.busy + lane.idle + lane.connecting, 0, lane.lane);
    assert.equal(server.live.length, 0, 'connections after the stop');
    clock.advance(120_000);
    assert.equal(clock.timers, 0, 'timers after the stop');
  }
}

/** It wants an answer and has none. */
function isOpen(request: ServerRequest): boolean {
  return !request.isAnswered && !request.moreToCome;
}

function assertOwn(question: Sent, document: BsonDocument): void {
  const nonce: unknown = document['nonce'];
  if (nonce !== undefined) {
    assert.equal(nonce, question.nonce, `the answer to another question than ${question.name}`);
    assert.ok(!LOCAL.has(question.name), 'a server answered what weir answers');
    return;
  }
  const isOwnError = document['ok'] === 0 && OWN_CODES.has(document['code'] as number);
  const isEmptyBatch = question.name === 'getMore' && 'cursor' in document;
  const isKillAnswer = question.name === 'killCursors' && 'cursorsNotFound' in document;
  // A killCursors ends the getMore that waits between two turns; no other command is told so.
  const isKilledCursor = question.name === 'getMore' && document['code'] === 237;
  const isMadeHere = LOCAL.has(question.name) || isOwnError || isEmptyBatch || isKillAnswer || isKilledCursor;
  assert.ok(isMadeHere, `no nonce in the answer to ${question.name}: ${JSON.stringify(document)}`);
}
