// One connection that passes by: pairs its requests with their replies and counts both as operations of the table.
// It answers, delays and changes nothing. Invariants: no call throws, whatever the bytes are; each operation is finished
// once; after the first mistake of ours nothing more is read.

import {
  DecodeError,
  Frame,
  opcodeName,
  type ReplyView,
  readSkimmedReply,
  readSkimmedRequest,
  type SkimEnd,
  type SkimmedCounts,
  Skimmer,
  type SkimmerSink,
  type SkimSide,
} from '../../codecs/index.ts';
import { type Client, Peer } from '../core/client.ts';
import { Operation, type OperationFinisher } from '../core/operation.ts';
import type { Outcome } from '../core/outcome.ts';
import { noteReply, outcomeOf } from '../core/reply-result.ts';
import type { OriginCallSite } from '../filters/attribution.ts';
import type { Conversation, EndedBy, SniffEnd, SniffedConnection, SnifferParts } from './conversation.ts';
import type { InflationBudgets } from './inflation-budget.ts';
import { HELLO_NAMES, isAwaitingHello, readIntroduction } from './introduction.ts';
import { MessageOrder, type OrderedSink, type PassedMessage } from './message-order.ts';
import { PendingOperations } from './pending-operations.ts';
import { ReplyStream } from './reply-stream.ts';
import type { SniffedCursors } from './sniffed-cursors.ts';

/** What is shown for an application that gave no name. */
const NO_APP = '-';

export interface ConversationParts extends SnifferParts {
  readonly connection: SniffedConnection;
  readonly id: number;
  readonly cursors: SniffedCursors;
  readonly budgets: InflationBudgets;
  readonly onEnded: () => void;
}

export class ConversationReader implements Conversation, Client, OperationFinisher, OrderedSink {
  readonly connection: SniffedConnection;
  readonly id: number;
  readonly listener: string;
  readonly peer: Peer;
  readonly understandsBackoff = false;
  app: string = NO_APP;
  driver = '';
  operations = 0;
  endReason: SniffEnd | null = null;
  readonly #parts: ConversationParts;
  readonly #client: Skimmer;
  readonly #server: Skimmer;
  readonly #order: MessageOrder;
  readonly #pending: PendingOperations = new PendingOperations();
  readonly #stream: ReplyStream;
  readonly #originCallSite: OriginCallSite;
  #nowMs = 0;
  #hasServerGap = false;
  /** Set by end(), which waits for what is being inflated. */
  #endedBy: EndedBy | null = null;
  #isOver = false;

  constructor(parts: ConversationParts) {
    const { connection, cursors } = parts;
    this.#parts = parts;
    this.connection = connection;
    this.id = parts.id;
    this.listener = connection.listener;
    this.peer = new Peer(connection.address);
    this.#order = new MessageOrder(this, parts.budgets, parts.inflatesAtOnce === true, parts.later);
    this.#client = new Skimmer('client', this.#sinkOf('client'), parts.budgets.large);
    this.#server = new Skimmer('server', this.#sinkOf('server'), parts.budgets.large);
    this.#stream = new ReplyStream(connection.server, cursors);
    this.#originCallSite = (_client, command) => cursors.originOf(connection.server, command);
  }

  get state(): 'reading' | 'blind' {
    return this.endReason === null ? 'reading' : 'blind';
  }

  get isClosed(): boolean {
    return this.#isOver;
  }

  get pending(): number {
    return this.#pending.size;
  }

  get oldest(): Operation | null {
    return this.#pending.size === 0 ? null : this.#pending.at(0);
  }

  get heldBytes(): number {
    return this.#client.heldBytes + this.#server.heldBytes + this.#order.heldBytes;
  }

  clientBytes(chunk: Buffer, nowMs: number): void {
    this.#read(this.#client, chunk, nowMs);
  }

  serverBytes(chunk: Buffer, nowMs: number): void {
    this.#read(this.#server, chunk, nowMs);
  }

  clientGap(nowMs: number): void {
    this.#skipGap('client', this.#client, nowMs);
  }

  serverGap(nowMs: number): void {
    this.#hasServerGap = true;
    this.#skipGap('server', this.#server, nowMs);
  }

  end(nowMs: number, by: EndedBy = 'client'): void {
    if (this.#isOver || this.#endedBy !== null) return;
    this.#endedBy = by;
    this.#nowMs = nowMs;
    if (!this.#order.isBusy || this.endReason !== null) this.onIdle();
  }

  // --- bytes --------------------------------------------------------------------------------------------------------

  #read(skimmer: Skimmer, chunk: Buffer, nowMs: number): void {
    if (this.endReason !== null || this.#endedBy !== null) return;
    this.#nowMs = nowMs;
    try {
      skimmer.push(chunk);
    } catch (error) {
      this.onFault(error);
    }
  }

  #skipGap(side: SkimSide, skimmer: Skimmer, nowMs: number): void {
    if (this.endReason !== null || this.#endedBy !== null) return;
    this.#nowMs = nowMs;
    try {
      this.#count(side, 'gap');
      skimmer.gap();
    } catch (error) {
      this.onFault(error);
    }
  }

  #sinkOf(side: SkimSide): SkimmerSink {
    return {
      onMessage: (frame, counts) => this.#order.message(side, frame, counts, this.#nowMs),
      onUnread: (message) => this.#order.passed(side, message, this.#nowMs),
      onResync: () => this.#count(side, 'resynchronised'),
      onEnd: (reason) => this.#goBlind(reason, null),
    };
  }

  // --- messages, in order -------------------------------------------------------------------------------------------

  onOrdered(side: SkimSide, frame: Frame, counts: SkimmedCounts | null, atMs: number): void {
    if (side === 'client') this.#onRequest(frame, counts, atMs);
    else this.#onReply(frame, counts, atMs);
  }

  #onRequest(frame: Frame, counts: SkimmedCounts | null, atMs: number): void {
    // The chunk is not ours to keep: what waits for a reply is a copy.
    const own = counts === null ? new Frame(frame.length, [Buffer.from(frame.bytes)], frame.wireBytes) : frame;
    let operation: Operation;
    try {
      operation = new Operation(this, readSkimmedRequest(own, counts), atMs, this);
      if (HELLO_NAMES.has(operation.command.name)) this.#introduce(operation);
    } catch (error) {
      this.#count('client', reasonOf(error));
      this.#pending.addUnread(frame.requestId);
      return;
    }
    this.operations += 1;
    try {
      this.#begin(operation);
    } catch (error) {
      // What lies deeper than the first pass is read only where it is counted.
      if (!(error instanceof DecodeError)) operation.finish('ok');
      this.#count('client', reasonOf(error));
    }
    if (operation.command.moreToCome) this.#finishSilent(operation);
    else this.#await(operation);
  }

  #await(operation: Operation): void {
    this.#pending.add(operation);
    for (let oldest = this.#pending.takeSurplus(); oldest !== null; oldest = this.#pending.takeSurplus()) {
      this.#lookBack(oldest);
    }
  }

  /** The application's name comes with the hello itself, so it is read before the hello is charged to a row. */
  #introduce(operation: Operation): void {
    const names = readIntroduction(operation.command);
    if (names === null) return;
    if (names.app !== '') this.app = names.app;
    if (names.driver !== '') this.driver = names.driver;
  }

  #begin(operation: Operation): void {
    const { attribution, admits } = this.#parts;
    if (admits === undefined) {
      attribution.begin(operation, this.#originCallSite);
      return;
    }
    attribution.nameCallSite(operation, this.#originCallSite);
    if (admits(operation)) attribution.open(operation);
  }

  /** No reply will come: how it went nobody will know. */
  #finishSilent(operation: Operation): void {
    if (operation.command.cursorsStart >= 0) {
      this.#parts.cursors.forget(this.connection.server, operation.command);
    }
    operation.finish('ok');
  }

  #onReply(frame: Frame, counts: SkimmedCounts | null, atMs: number): void {
    const at = this.#pending.find(frame.responseTo);
    if (at < 0) {
      this.#onStrangeReply(frame, counts);
      return;
    }
    // It is taken out when it is finished: whatever goes wrong before, it is finished with all that wait.
    const operation = this.#pending.at(at);
    operation.replyBytes = frame.wireBytes;
    operation.serverMs = Math.max(0, atMs - operation.arrivedMs);
    let reply: ReplyView;
    try {
      reply = readSkimmedReply(frame, counts, operation.command);
    } catch (error) {
      this.#count('server', reasonOf(error));
      this.#take(at).finish('command_error');
      return;
    }
    this.#learn(operation, reply);
    this.#take(at).finish(outcomeOf(reply));
  }

  #learn(operation: Operation, reply: ReplyView): void {
    const { command } = operation;
    noteReply(operation, reply);
    this.#parts.cursors.learn(this.connection.server, command, reply, operation.callSite);
    if (HELLO_NAMES.has(command.name)) {
      // The server answers when something changes, or when the time that was given is over.
      if (isAwaitingHello(command)) operation.serverMs = -1;
      this.#parts.events?.onHello?.(this.connection, reply);
    }
    this.#stream.begin(operation, reply);
  }

  /** A reply that no request waits for: one more of a stream, the reply to what could not be read, or a stranger. */
  #onStrangeReply(frame: Frame, counts: SkimmedCounts | null): void {
    if (!this.#stream.expects(frame.responseTo)) {
      if (!this.#pending.takeUnread(frame.responseTo)) this.#count('server', 'reply_without_request');
      return;
    }
    let reply: ReplyView;
    try {
      reply = readSkimmedReply(frame, counts, null);
    } catch (error) {
      this.#count('server', reasonOf(error));
      this.#stream.addUnread(frame.requestId, frame.wireBytes);
      return;
    }
    if (this.#stream.isHello) this.#parts.events?.onHello?.(this.connection, reply);
    this.#stream.add(reply);
  }

  onPassed(side: SkimSide, message: PassedMessage, atMs: number): void {
    this.#count(side, message.reason, message.opcode);
    if (side === 'client') {
      this.#pending.addUnread(message.requestId);
      return;
    }
    const at = this.#pending.find(message.responseTo);
    if (at < 0) {
      if (this.#stream.expects(message.responseTo)) this.#stream.addUnread(message.requestId, message.wireBytes);
      else this.#pending.takeUnread(message.responseTo);
      return;
    }
    const operation = this.#take(at);
    operation.replyBytes = message.wireBytes;
    operation.serverMs = Math.max(0, atMs - operation.arrivedMs);
    // Errors are small: a reply that is too large to be read is none.
    const isUnknown = message.reason !== 'too_large_to_read' && message.reason !== 'sniff_overrun';
    operation.finish(isUnknown ? 'command_error' : 'ok');
  }

  /** Takes out a request whose reply came. Servers answer in order: after a gap, older ones have lost theirs. */
  #take(at: number): Operation {
    let place = at;
    for (; place > 0 && this.#hasServerGap; place--) this.#lookBack(this.#pending.take(0));
    return this.#pending.take(place);
  }

  /** The reply of this one was not seen. It is counted as an operation all the same. */
  #lookBack(operation: Operation): void {
    this.#count('server', 'reply_missing');
    operation.finish('ok');
  }

  onFinish(operation: Operation): void {
    if (operation.record !== null) this.#parts.events?.onFinished?.(operation, this);
  }

  // --- the end ------------------------------------------------------------------------------------------------------

  /** A mistake of ours, or of whoever listens to the events: reading ends, the bytes go on. */
  onFault(error: unknown): void {
    if (this.endReason === null) this.#goBlind('internal_error', error);
  }

  #goBlind(reason: SkimEnd | SniffEnd, error: unknown): void {
    this.endReason = reason;
    this.#parts.ended.add(reason);
    this.#stop();
    this.#finishPending('ok');
    try {
      this.#parts.events?.onBlind?.(this, reason, error);
    } catch {
      // Who is told of a mistake and makes one: there is nobody left to tell.
    }
    this.onIdle();
  }

  /** Nothing is being inflated any more, or will be read: an end that waited for it comes now. */
  onIdle(): void {
    if (this.#endedBy === null || this.#isOver) return;
    this.#isOver = true;
    this.#stop();
    this.#finishPending(outcomeAtEnd(this.#endedBy));
    this.#parts.onEnded();
  }

  #stop(): void {
    this.#client.stop();
    this.#server.stop();
    this.#order.stop();
  }

  #finishPending(outcome: Outcome): void {
    for (const operation of this.#pending.takeAll()) {
      if (outcome === 'ok') this.#count('server', 'reply_missing');
      try {
        operation.finish(outcome);
      } catch (error) {
        this.onFault(error);
      }
    }
  }

  #count(side: SkimSide, reason: string, opcode = 0): void {
    const what = reason === 'too_large_to_read' ? `${reason}_${opcodeName(opcode)}` : reason;
    this.#parts.decodeErrors.add(side === 'client' ? `sniffed_client|${what}` : `sniffed_server|${what}`);
  }
}

function outcomeAtEnd(by: EndedBy): Outcome {
  switch (by) {
    case 'client':
      return 'client_gone';
    case 'server':
      return 'upstream_lost';
    case 'capture':
      return 'ok';
    default:
      return by satisfies never;
  }
}

/** The reason of what a codec threw; anything else is a mistake of ours and goes on. */
function reasonOf(error: unknown): string {
  if (error instanceof DecodeError) return error.reason;
  throw error;
}
