// One client: its messages in order, one at a time, with the waits and failures that the knobs ask for.
// It knows no command's meaning but hello's await. Invariant: a message is answered once or never, and never before its predecessor.

import type { Socket } from 'node:net';
import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { ClientIdentity, CommandRequest } from './command.ts';
import type { Dispatcher } from './dispatcher.ts';
import { type Doc, isDocument, ObjectId } from './documents.ts';
import { errorReply } from './errors.ts';
import { type CommandHookResult, latencyOf, type SandboxKnobs, takeFailure } from './knobs.ts';
import {
  BodyError,
  type Envelope,
  encodeWireReply,
  MessageSplitter,
  type ReplyMarks,
  readEnvelope,
  readRequest,
  type WireRequest,
} from './wire.ts';

/** Messages read ahead of the one at work before the socket is left unread. */
const MAX_QUEUED_MESSAGES = 64;
const MAX_QUEUED_BYTES = 64_000_000;

/** What mongod 5.1 and later still take in OP_QUERY. */
const legacyCommands: ReadonlySet<string> = new Set([
  'hello',
  'isMaster',
  'ismaster',
  'buildInfo',
  'buildinfo',
  'saslStart',
  'saslContinue',
  'authenticate',
]);

/** What the server lends its connections. */
export interface ConnectionHost {
  readonly dispatcher: Dispatcher;
  readonly knobs: SandboxKnobs;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly processId: ObjectId;
  /** While true nothing is answered. */
  isFrozen(): boolean;
  nextReplyId(): number;
}

/** See the head of the file. */
export class SandboxConnection {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #client: ClientIdentity;
  readonly #splitter = new MessageSplitter();
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #isBusy = false;
  #timer: Timer | null = null;
  #held: (() => void) | null = null;

  constructor(socket: Socket, client: ClientIdentity, host: ConnectionHost) {
    this.#socket = socket;
    this.#client = client;
    this.#host = host;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => this.#pump());
  }

  /** Goes on after a thaw. */
  thaw(): void {
    const held = this.#held;
    this.#held = null;
    held?.();
    this.#pump();
  }

  destroy(): void {
    this.#timer?.cancel();
    this.#held = null;
    this.#queue.length = 0;
    this.#isBusy = true;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    try {
      for (const message of this.#splitter.push(chunk)) {
        this.#queue.push(message);
        this.#queuedBytes += message.length;
      }
    } catch (error) {
      this.#refuse(error);
      return;
    }
    this.#socket.cork();
    this.#pump();
    this.#socket.uncork();
  }

  #refuse(error: unknown): void {
    this.#host.logger.debug(
      { reason: error instanceof Error ? error.message : 'unknown' },
      'sandbox closed a connection',
    );
    this.destroy();
  }

  #pump(): void {
    while (!this.#isBusy && !this.#host.isFrozen() && !this.#socket.writableNeedDrain) {
      const message = this.#queue.shift();
      if (message === undefined) break;
      this.#queuedBytes -= message.length;
      try {
        this.#take(message);
      } catch (error) {
        this.#refuse(error);
        return;
      }
    }
    const isFull = this.#queue.length > MAX_QUEUED_MESSAGES || this.#queuedBytes > MAX_QUEUED_BYTES;
    if (isFull) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #take(message: Buffer): void {
    const envelope = readEnvelope(message);
    try {
      this.#start(readRequest(message, envelope));
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      const reply = errorReply(error.code, error.message, [], { $err: error.message });
      this.#send(envelope, reply, { queryFailure: true });
    }
  }

  #start(wire: WireRequest): void {
    const { dispatcher, knobs } = this.#host;
    const name = Object.keys(wire.command)[0] ?? '';
    dispatcher.count(name);
    const scripted = knobs.onCommand?.(wire.command) ?? this.#scriptedFailure(wire, name);
    if (scripted === 'close') {
      this.destroy();
    } else if (scripted === 'hang') {
      this.#isBusy = true;
    } else if (scripted !== undefined) {
      this.#send(wire, scripted);
    } else {
      this.#schedule({ name, database: wire.database, command: wire.command, client: this.#client }, wire);
    }
  }

  /** What a knob, or the opcode, answers instead of the command. */
  #scriptedFailure(wire: WireRequest, name: string): CommandHookResult {
    const failure = takeFailure(this.#host.knobs, name);
    if (failure?.closeConnection === true) return 'close';
    if (failure !== null) return errorReply(failure.code, 'failed on purpose by a knob', failure.errorLabels);
    const isRefused = wire.opcode === 'query' && !legacyCommands.has(name);
    return isRefused ? errorReply(352, `Unsupported OP_QUERY command: ${name.slice(0, 100)}`) : undefined;
  }

  /** Runs now or after the knobs' latency, hello's await, or as far as maxTimeMS lets it. */
  #schedule(request: CommandRequest, envelope: Envelope): void {
    const { dispatcher, knobs } = this.#host;
    const waitMs = latencyOf(knobs, request.name, request.command) + this.#awaitMs(request);
    const maxTimeMs = request.command['maxTimeMS'];
    const isTooSlow = typeof maxTimeMs === 'number' && maxTimeMs > 0 && waitMs > maxTimeMs;
    const finish = (): void => {
      this.#send(envelope, isTooSlow ? errorReply(50, 'operation exceeded time limit') : dispatcher.run(request));
    };
    if (waitMs === 0) return finish();
    if (envelope.exhaustAllowed && this.#awaitMs(request) > 0) return this.#stream(request, envelope);
    this.#isBusy = true;
    this.#timer = this.#host.clock.setTimer(isTooSlow ? maxTimeMs : waitMs, () => this.#wake(finish));
  }

  /** Says the same hello again and again, each an answer to the one before; the client says nothing any more. */
  #stream(request: CommandRequest, envelope: Envelope): void {
    const next = (): void => {
      // Nobody reads: the stream would fill the memory.
      if (this.#socket.writableNeedDrain) return this.destroy();
      const requestId = this.#send(envelope, this.#host.dispatcher.run(request), { moreToCome: true });
      this.#stream(request, { ...envelope, requestId });
    };
    this.#isBusy = true;
    this.#timer = this.#host.clock.setTimer(Math.max(1, this.#awaitMs(request)), () => this.#wake(next));
  }

  #wake(finish: () => void): void {
    this.#timer = null;
    if (this.#host.isFrozen()) {
      this.#held = () => this.#wake(finish);
      return;
    }
    this.#isBusy = false;
    finish();
    this.#pump();
  }

  /** A hello that already knows this process waits for news, of which there are none. */
  #awaitMs({ name, command }: CommandRequest): number {
    const { maxAwaitTimeMS, topologyVersion } = command;
    if (typeof maxAwaitTimeMS !== 'number' || !isDocument(topologyVersion) || !/^(hello|is[mM]aster)$/.test(name))
      return 0;
    const known = topologyVersion['processId'];
    return known instanceof ObjectId && known.equals(this.#host.processId) ? Math.max(0, maxAwaitTimeMS) : 0;
  }

  /** Returns the id of the reply. */
  #send(envelope: Envelope, reply: Doc, marks: ReplyMarks = {}): number {
    const id = this.#host.nextReplyId();
    if (envelope.moreToCome || this.#socket.destroyed) return id;
    try {
      this.#socket.write(encodeWireReply(envelope, id, reply, marks));
    } catch (error) {
      this.#host.logger.error({ error }, 'the sandbox could not encode a reply');
      this.#socket.write(encodeWireReply(envelope, id, errorReply(8, 'the reply could not be encoded')));
    }
    return id;
  }
}
