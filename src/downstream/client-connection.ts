// One application connection: serves its requests one at a time, and cleans up when it closes. It answers nothing itself
// but what it cannot read. Invariants: one operation at a time; a closed connection leaves no operation unfinished.

import {
  type CompressedHeader,
  DecodeError,
  type Frame,
  isMoreToCome,
  isNeverCompressed,
  OPCODE,
  readCommand,
} from '../../codecs/index.ts';
import type { ByteBudget } from '../core/byte-budget.ts';
import type { Peer } from '../core/client.ts';
import type { Clock } from '../core/clock.ts';
import { type ErrorAnswer, malformed } from '../core/error-answers.ts';
import { type KillResult, Operation, type OperationFinisher } from '../core/operation.ts';
import type { ClientSnapshot, CurrentOperation } from '../core/snapshots.ts';
import type { ByteSocket, SocketEvents } from '../net/byte-socket.ts';
import type { AllowableCommand, Face } from '../options.ts';
import { describeOperation } from '../stats/current-operation.ts';
import { ClientCompression, type CompressionOffer } from './compression.ts';
import { type ClientState, nextClientState } from './connection-state.ts';
import type { Asker, Dispatcher } from './dispatcher.ts';
import { farewell } from './farewell.ts';
import { type ForeignProtocol, HTTP_ANSWER } from './first-bytes.ts';
import type { ClientFace } from './hello.ts';
import { Introduction } from './introduction.ts';
import { Outbox } from './outbox.ts';
import type { Peers } from './peers.ts';
import { ReplyWriter } from './reply-writer.ts';
import { RequestReader, type RequestReaderOwner } from './request-reader.ts';

export interface ClientConnectionEvents {
  /** No operation of it runs or will be begun; its last answer may still be on its way. */
  onClosed(connection: ClientConnection, reason: string): void;
  /** Its socket is gone too. */
  onGone(connection: ClientConnection): void;
  onDecodeError(reason: string): void;
}

export class ClientConnection implements SocketEvents, RequestReaderOwner, Asker, OperationFinisher {
  readonly id: number;
  readonly listener: string;
  readonly allowed: readonly AllowableCommand[];
  readonly writer: ReplyWriter;
  readonly #listenerFace: Face;
  readonly #socket: ByteSocket;
  readonly #reader: RequestReader;
  readonly #outbox: Outbox;
  readonly #compression: ClientCompression;
  readonly #dispatcher: Dispatcher;
  readonly #introduction: Introduction;
  readonly #clock: Clock;
  readonly #events: ClientConnectionEvents;
  readonly #connectedMs: number;
  #state: ClientState = 'ready';
  #current: Operation | null = null;
  /** A request is being inflated off the event loop: the connection is busy with it, without an operation yet. */
  #isInflating = false;
  #operations = 0;

  constructor(parts: {
    id: number;
    listener: string;
    face: Face;
    allowed: readonly AllowableCommand[];
    socket: ByteSocket;
    dispatcher: Dispatcher;
    peers: Peers;
    clock: Clock;
    compression: CompressionOffer;
    budget: ByteBudget;
    /** How long a client may leave answers unread, or a request unfinished while memory is short. */
    slowClientTimeoutMs: number;
    events: ClientConnectionEvents;
  }) {
    this.id = parts.id;
    this.listener = parts.listener;
    this.allowed = parts.allowed;
    this.#listenerFace = parts.face;
    this.#socket = parts.socket;
    this.#dispatcher = parts.dispatcher;
    this.#clock = parts.clock;
    this.#events = parts.events;
    this.#compression = new ClientCompression(parts.compression);
    const { socket, budget, clock, slowClientTimeoutMs: patienceMs } = parts;
    const onSlowReader = (): void => this.breakOff('slow_reader');
    this.#outbox = new Outbox({ socket, budget, clock, patienceMs, onSlowReader });
    this.writer = new ReplyWriter({
      socket,
      outbox: this.#outbox,
      counts: parts.compression.counts,
      stream: { budget, clock, onSlowReader },
    });
    this.#introduction = new Introduction(parts.peers, parts.socket.remoteAddress);
    this.#connectedMs = parts.clock.nowMs();
    const intake = { budget, clock, patienceMs };
    this.#reader = new RequestReader({ socket, compression: this.#compression, intake, owner: this });
    socket.attach(this);
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  get isBusy(): boolean {
    return this.#state === 'busy' || this.#state === 'draining';
  }

  get app(): string {
    return this.#introduction.app;
  }

  get understandsBackoff(): boolean {
    return this.#introduction.understandsBackoff;
  }

  get peer(): Peer {
    return this.#introduction.peer;
  }

  get face(): ClientFace {
    return this.#introduction.isLoadBalanced ? 'loadBalanced' : this.#listenerFace;
  }

  get compression(): readonly string[] {
    return this.#compression.agreed;
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number {
    return this.#socket.remotePort;
  }

  onData(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  onBadFrame(reason: string): void {
    this.#events.onDecodeError(reason);
    this.close('bad_frame');
  }

  /** Told in its own words where there are some: a driver cannot read anything of ours. */
  onForeign(protocol: ForeignProtocol): void {
    this.#events.onDecodeError(protocol);
    if (protocol === 'http') this.#socket.write(HTTP_ANSWER);
    this.close(protocol);
  }

  onStalled(): void {
    this.breakOff('stalled');
  }

  get isServing(): boolean {
    return this.#current !== null || this.#isInflating;
  }

  get mayBegin(): boolean {
    if (this.isServing) return false;
    return this.#state === 'closed' || (this.#state === 'ready' && !this.#outbox.isSlow);
  }

  begin(frame: Frame): void {
    if (frame.opcode === OPCODE.compressed) this.#unwrap(frame);
    else this.#serve(frame, null);
  }

  /** `compressor`: how the request came, null for plain. */
  #serve(frame: Frame, compressor: CompressedHeader | null): void {
    this.writer.compressor = compressor;
    let command: Operation['command'];
    try {
      command = readCommand(frame);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#refuseFrame(frame, error);
      return;
    }
    if (compressor !== null && isNeverCompressed(command.name)) this.writer.compressor = null;
    const operation = new Operation(this, command, this.#clock.nowMs(), this);
    if (this.#state === 'ready') this.#state = nextClientState(this.#state, 'asked');
    this.#current = operation;
    this.#operations++;
    try {
      this.#dispatcher.serve(operation);
    } catch (error) {
      // What lies deeper than the first pass is read only where it is needed, before anything is sent.
      if (!(error instanceof DecodeError) || operation.isFinished) throw error;
      this.#events.onDecodeError(error.reason);
      this.#dispatcher.onError(operation, malformed(error.code, error.codeName, error.message), 'command_error');
    }
  }

  /** Until it is inflated, which may take a while, what comes behind it waits in the queue. */
  #unwrap(outer: Frame): void {
    this.#isInflating = true;
    if (this.#state === 'ready') this.#state = nextClientState(this.#state, 'asked');
    this.#compression.unwrap(outer, (request) => {
      this.#socket.runGuarded(() => {
        this.#isInflating = false;
        if (request.kind === 'whole') this.#reader.noteInflated(request.inner.length);
        if (request.kind === 'refused') this.#refuseFrame(outer, request.error);
        // After the close only writes that want no answer are carried out; which these are shows now.
        else if (!this.isClosed || isMoreToCome(request.inner)) this.#serve(request.inner, request.header);
        if (this.#current === null && !this.#isInflating) this.#rest();
      });
    });
  }

  /** The reaction of the decode table: a strange command costs an answer, a bad frame its connection. */
  #refuseFrame(frame: Frame, error: DecodeError): void {
    this.#events.onDecodeError(error.reason);
    if (error.reaction !== 'close' && !isMoreToCome(frame)) {
      this.writer.errorForFrame(frame, malformed(error.code, error.codeName, error.message));
    }
    if (error.reaction !== 'reply') this.close('bad_message');
  }

  onFinish(operation: Operation): void {
    this.#dispatcher.onFinish(operation);
    this.#current = null;
    this.#rest();
  }

  /** Nothing is being served any more. */
  #rest(): void {
    if (this.#state === 'draining') {
      this.close('drained');
      return;
    }
    if (this.#state === 'busy') this.#state = nextClientState(this.#state, 'answered');
    this.#reader.serveQueued();
  }

  onDrain(): void {
    this.#outbox.onDrain();
    if (this.#state === 'ready') this.#reader.serveQueued();
  }

  introduce(operation: Operation): ErrorAnswer | null {
    if (this.isClosed) return null;
    const hello = operation.command.document;
    const problem = this.#introduction.read(hello);
    if (problem === null) this.#compression.negotiate(hello);
    return problem;
  }

  /** Weir ends it, after what was written has left. */
  close(reason: string): void {
    if (this.#state === 'closed') return;
    this.#cleanUp(reason);
    this.#outbox.finish();
    farewell(this.#socket, this.#clock);
  }

  breakOff(reason: string): void {
    this.#socket.destroy(reason);
  }

  /** Ends its socket, sent or not. */
  destroy(): void {
    this.#socket.destroy('stopped');
  }

  /** Ends it as soon as its operation is over, at once if it has none. */
  drain(): void {
    if (this.#state === 'busy') this.#state = nextClientState(this.#state, 'drain');
    else if (this.#state === 'ready') this.close('drained');
  }

  onClose(reason: string): void {
    this.#outbox.drop();
    this.#cleanUp(reason);
    this.#events.onGone(this);
  }

  #cleanUp(reason: string): void {
    if (this.#state === 'closed') return;
    this.#state = nextClientState(this.#state, 'closed');
    this.#reader.stop(mayStay);
    this.writer.stopStream();
    this.#introduction.leave();
    this.#dispatcher.router.clientClosed(this);
    // What is left are writes that want no answer: they are carried out in their order, though their client left.
    if (this.#current === null) this.#reader.serveQueued();
    else this.#current.journey?.clientGone();
    this.#events.onClosed(this, reason);
  }

  snapshot(): ClientSnapshot {
    return {
      id: this.id,
      listener: this.listener,
      address: `${this.remoteAddress}:${this.remotePort}`,
      app: this.app,
      driver: this.#introduction.driver,
      connectedSeconds: (this.#clock.nowMs() - this.#connectedMs) / 1000,
      operations: this.#operations,
      state: this.#state,
      bytesIn: this.#socket.bytesIn,
      bytesOut: this.#socket.bytesOut,
      current: this.current(),
    };
  }

  /** What it is doing. */
  current(): CurrentOperation | null {
    const operation = this.#current;
    if (operation === null) return null;
    return describeOperation(operation, {
      id: `${this.id}.${this.#operations}`,
      nowMs: this.#clock.nowMs(),
      state: 'answering',
    });
  }

  /** Ends the operation at hand if it is this one; see Journey.kill. */
  killOperation(number: number): KillResult | 'over' | 'answering' {
    const operation = this.#current;
    if (operation === null || number !== this.#operations) return 'over';
    return operation.journey?.kill?.() ?? 'answering';
  }
}

/** What is carried out after the close: writes that want no answer, and what is not known yet not to be one. */
function mayStay(frame: Frame): boolean {
  return frame.opcode === OPCODE.compressed || isMoreToCome(frame);
}
