// One application connection: cuts its bytes into requests, serves them one at a time in their order, and cleans up
// when it closes. It answers nothing itself but what it cannot read. Invariants: one operation at a time; what is
// queued behind it is bounded, because reading stops; a closed connection leaves no operation unfinished.

import {
  type BsonView,
  type CompressedHeader,
  DecodeError,
  type Frame,
  Framer,
  isMoreToCome,
  isNeverCompressed,
  OPCODE,
  readCommand,
} from '../../codecs/index.ts';
import type { Peer } from '../core/client.ts';
import type { Clock } from '../core/clock.ts';
import { badMetadata, type ErrorAnswer, malformed } from '../core/error-answers.ts';
import { Operation, type OperationFinisher } from '../core/operation.ts';
import type { ClientSnapshot } from '../core/snapshots.ts';
import type { ByteSocket, SocketEvents } from '../net/byte-socket.ts';
import { cleanLabel } from '../stats/label.ts';
import { readClientMetadata } from './client-metadata.ts';
import { ClientCompression, type CompressionOffer } from './compression.ts';
import { type ClientState, nextClientState } from './connection-state.ts';
import type { Asker, Dispatcher } from './dispatcher.ts';
import { FirstBytes, type ForeignProtocol, HTTP_ANSWER } from './first-bytes.ts';
import type { Peers } from './peers.ts';
import { ReplyWriter } from './reply-writer.ts';

/** Requests queued behind the one being served, and their bytes, before reading stops. */
const MAX_QUEUED = 16;
const MAX_QUEUED_BYTES = 1_048_576;
/** Bytes of answers that a slow reader may leave here before its next request is not begun. */
const SLOW_READER_BYTES = 1_048_576;
/** After weir's last byte a peer has this long to close its side, or it is closed for it. */
const LINGER_MS = 1000;
/** A peer that still reads the last answer gets this many such periods for it. */
const LINGER_PERIODS = 10;
/** What is shown for an application that gave no name. */
const NO_APP = '-';

export interface ClientConnectionEvents {
  /** No operation of it runs or will be begun; its last answer may still be on its way. */
  onClosed(connection: ClientConnection, reason: string): void;
  /** Its socket is gone too. */
  onGone(connection: ClientConnection): void;
  onDecodeError(reason: string): void;
}

export class ClientConnection implements SocketEvents, Asker, OperationFinisher {
  readonly id: number;
  readonly listener: string;
  readonly writer: ReplyWriter;
  app: string = NO_APP;
  understandsBackoff = false;
  peer: Peer;
  readonly #socket: ByteSocket;
  readonly #framer: Framer;
  readonly #compression: ClientCompression;
  readonly #firstBytes: FirstBytes = new FirstBytes();
  readonly #dispatcher: Dispatcher;
  readonly #peers: Peers;
  readonly #clock: Clock;
  readonly #events: ClientConnectionEvents;
  readonly #queued: Frame[] = [];
  readonly #connectedMs: number;
  #queuedBytes = 0;
  #state: ClientState = 'ready';
  #current: Operation | null = null;
  #isReadingPaused = false;
  #isServing = false;
  /** A request is being inflated off the event loop: the connection is busy with it, without an operation yet. */
  #isInflating = false;
  #hasMetadata = false;
  #driver = '';
  #operations = 0;

  constructor(parts: {
    id: number;
    listener: string;
    socket: ByteSocket;
    dispatcher: Dispatcher;
    peers: Peers;
    clock: Clock;
    compression: CompressionOffer;
    events: ClientConnectionEvents;
  }) {
    this.id = parts.id;
    this.listener = parts.listener;
    this.#socket = parts.socket;
    this.#dispatcher = parts.dispatcher;
    this.#peers = parts.peers;
    this.#clock = parts.clock;
    this.#events = parts.events;
    this.#compression = new ClientCompression(parts.compression);
    this.writer = new ReplyWriter(parts.socket, parts.compression.counts);
    this.peer = parts.peers.join(parts.socket.remoteAddress, '');
    this.#connectedMs = parts.clock.nowMs();
    this.#framer = new Framer({ onFrame: (frame) => this.#onFrame(frame), accepts: (opcode) => this.#accepts(opcode) });
    parts.socket.attach(this);
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  get isBusy(): boolean {
    return this.#state === 'busy' || this.#state === 'draining';
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
    const foreign = this.#firstBytes.push(chunk);
    if (foreign !== null) {
      this.#refuseForeign(foreign);
      return;
    }
    try {
      this.#framer.push(chunk);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#events.onDecodeError(error.reason);
      this.close('bad_frame');
    }
  }

  /** Told in its own words where there are some: a driver cannot read anything of ours. */
  #refuseForeign(protocol: ForeignProtocol): void {
    this.#events.onDecodeError(protocol);
    if (protocol === 'http') this.#socket.write(HTTP_ANSWER);
    this.close(protocol);
  }

  #onFrame(frame: Frame): void {
    if (this.#state === 'ready' && this.#queued.length === 0 && !this.#isSlowReader) {
      this.#begin(frame);
      return;
    }
    this.#queued.push(frame);
    this.#queuedBytes += frame.length;
    if (!this.#isQueueFull || this.#isReadingPaused) return;
    this.#isReadingPaused = true;
    this.#socket.pause();
  }

  get #isQueueFull(): boolean {
    return this.#queued.length >= MAX_QUEUED || this.#queuedBytes >= MAX_QUEUED_BYTES;
  }

  /** The next queued request, if one may begin now. */
  #takeNext(): Frame | undefined {
    if (!this.#mayBegin) return undefined;
    const frame = this.#queued.shift();
    this.#queuedBytes -= frame?.length ?? 0;
    return frame;
  }

  get #isSlowReader(): boolean {
    return this.#socket.unwrittenBytes > SLOW_READER_BYTES;
  }

  #accepts(opcode: number): boolean {
    if (opcode !== OPCODE.compressed) return opcode === OPCODE.msg || opcode === OPCODE.query;
    this.#compression.admitOpcode();
    return true;
  }

  /** `compressor`: how the request came, null for plain. */
  #begin(frame: Frame, compressor: CompressedHeader | null = null): void {
    if (frame.opcode === OPCODE.compressed) return this.#unwrap(frame);
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
        if (request.kind === 'refused') this.#refuseFrame(outer, request.error);
        // After the close only writes that want no answer are carried out; which these are shows now.
        else if (!this.isClosed || isMoreToCome(request.inner)) this.#begin(request.inner, request.header);
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
    this.#serveQueued();
  }

  /**
   * Begins what is queued, a loop and not a recursion when answers come at once. After the close what is left are writes
   * that want no answer: they are carried out in their order, though their client left.
   */
  #serveQueued(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    try {
      for (let frame = this.#takeNext(); frame !== undefined; frame = this.#takeNext()) this.#begin(frame);
    } finally {
      this.#isServing = false;
    }
    if (this.#isReadingPaused && !this.#isQueueFull) {
      this.#isReadingPaused = false;
      this.#socket.resume();
    }
  }

  get #mayBegin(): boolean {
    if (this.#current !== null || this.#isInflating) return false;
    return this.#state === 'closed' || (this.#state === 'ready' && !this.#isSlowReader);
  }

  onDrain(): void {
    if (this.#state === 'ready') this.#serveQueued();
  }

  introduce(operation: Operation): ErrorAnswer | null {
    const hello = operation.command.document;
    const problem = this.#readMetadata(hello);
    if (problem === null) this.#compression.negotiate(hello);
    return problem;
  }

  #readMetadata(hello: BsonView): ErrorAnswer | null {
    this.understandsBackoff ||= hello.getString('backpressure') === '2';
    const client = hello.getDocument('client');
    if (client === null || this.isClosed) return null;
    if (this.#hasMetadata) return badMetadata(186, 'The client metadata document may only be sent in the first hello');
    const metadata = readClientMetadata(client.raw());
    if ('code' in metadata) return metadata;
    this.#hasMetadata = true;
    this.app = metadata.app === '' ? NO_APP : cleanLabel(metadata.app);
    this.#driver = cleanLabel(metadata.driver);
    const before = this.peer;
    this.peer = this.#peers.join(this.#socket.remoteAddress, metadata.identity);
    this.#peers.leave(before);
    return null;
  }

  /** Weir ends it, after what was written has left. */
  close(reason: string): void {
    if (this.#state === 'closed') return;
    this.#cleanUp(reason);
    this.#socket.end();
    this.#socket.resume();
    this.#linger(LINGER_PERIODS);
  }

  /** Ends its socket, sent or not. */
  destroy(): void {
    this.#socket.destroy('stopped');
  }

  /** Reading goes on without effect: bytes that lie unread at a close would cost the peer its last answer. */
  #linger(periods: number): void {
    this.#clock.setTimer(LINGER_MS, () => {
      if (this.#socket.isClosed) return;
      if (this.#socket.unwrittenBytes > 0 && periods > 1) this.#linger(periods - 1);
      else this.#socket.destroy('lingered');
    });
  }

  /** Ends it as soon as its operation is over, at once if it has none. */
  drain(): void {
    if (this.#state === 'busy') this.#state = nextClientState(this.#state, 'drain');
    else if (this.#state === 'ready') this.close('drained');
  }

  onClose(reason: string): void {
    this.#cleanUp(reason);
    this.#events.onGone(this);
  }

  #cleanUp(reason: string): void {
    if (this.#state === 'closed') return;
    this.#state = nextClientState(this.#state, 'closed');
    this.#framer.stop();
    this.#queued.splice(0, Number.POSITIVE_INFINITY, ...this.#queued.filter(mayStay));
    this.#peers.leave(this.peer);
    this.#dispatcher.router.clientClosed(this);
    if (this.#current === null) this.#serveQueued();
    else this.#current.journey?.clientGone();
    this.#events.onClosed(this, reason);
  }

  snapshot(): ClientSnapshot {
    return {
      id: this.id,
      listener: this.listener,
      address: `${this.remoteAddress}:${this.remotePort}`,
      app: this.app,
      driver: this.#driver,
      connectedSeconds: (this.#clock.nowMs() - this.#connectedMs) / 1000,
      operations: this.#operations,
      state: this.#state,
    };
  }
}

/** What is carried out after the close: writes that want no answer, and what is not known yet not to be one. */
function mayStay(frame: Frame): boolean {
  return frame.opcode === OPCODE.compressed || isMoreToCome(frame);
}
