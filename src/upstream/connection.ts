// One connection to the server: a queue of exchanges, each matched to its reply by responseTo.
// It does not choose what to send and does not reconnect. Invariant: it is handed back (onIdle) only when provably
// clean: request written whole, reply read whole, responseTo right, moreToCome clear, no byte left; else it is destroyed.

import {
  type CompressedHeader,
  DecodeError,
  deflate,
  deflateAsync,
  deflatesAsync,
  type Frame,
  Framer,
  inflate,
  inflateAsync,
  inflatesAsync,
  OPCODE,
  type ReplyView,
  readReply,
} from '../../codecs/index.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { ByteSocket, SocketEvents } from '../net/byte-socket.ts';
import { type CompressionRequest, ServerCompression } from './compression.ts';
import { type ConnectionState, nextConnectionState } from './connection-state.ts';
import type { AdmissionClass, Exchange } from './exchange.ts';
import type { PerishReason } from './perish.ts';
import type { RequestIds } from './request-ids.ts';

export interface UpstreamConnectionEvents {
  /** The first hello was answered with ok; the bytes of the answer's body. */
  onGreeted(connection: UpstreamConnection, helloBody: Buffer): void;
  /** Nothing is outstanding and it is clean. */
  onIdle(connection: UpstreamConnection): void;
  /** It is gone; exchanges that it still had were failed before this call. `detail` is for logs and counters. */
  onClosed(connection: UpstreamConnection, reason: PerishReason, detail: string): void;
  onDecodeError(reason: string): void;
}

export class UpstreamConnection implements SocketEvents {
  readonly id: number;
  /** Generation of the pool that made it (CMAP); a lower one than the pool's is stale. */
  readonly generation: number;
  /** The class that it is lent to; null while nobody holds it. The pool's note. */
  lentFor: AdmissionClass | null = null;
  #state: ConnectionState = 'handshaking';
  readonly #socket: ByteSocket;
  readonly #ids: RequestIds;
  readonly #clock: Clock;
  readonly #events: UpstreamConnectionEvents;
  readonly #framer: Framer;
  /** Null: this connection never compresses. */
  readonly #compression: ServerCompression | null;
  readonly #queue: Exchange[] = [];
  /** A request is on its way into OP_COMPRESSED, or a reply out of it, off the event loop. */
  #isDeflating = false;
  #isInflating = false;
  #lastReadMs = 0;
  #helloId = 0;
  #greetTimer: Timer | null = null;

  constructor(parts: {
    id: number;
    generation: number;
    socket: ByteSocket;
    ids: RequestIds;
    clock: Clock;
    compression?: CompressionRequest;
    events: UpstreamConnectionEvents;
  }) {
    this.id = parts.id;
    this.generation = parts.generation;
    this.#socket = parts.socket;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
    this.#events = parts.events;
    this.#compression = parts.compression === undefined ? null : new ServerCompression(parts.compression);
    this.#framer = new Framer({
      onFrame: (frame) => this.#receive(frame),
      accepts: (opcode) => this.#accepts(opcode),
    });
    this.#socket.attach(this);
  }

  /** When the last bytes came: the end of the exchange they finished, and the start of the next one. */
  get lastReadMs(): number {
    return this.#lastReadMs;
  }

  /** The exchange whose reply is due, or null. */
  get current(): Exchange | null {
    return this.#queue[0] ?? null;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Starts the handshake; `encode` is given the request id to use. Without an answer in time the connection dies. */
  greet(encode: (requestId: number) => Buffer, timeoutMs: number): void {
    this.#helloId = this.#ids.next();
    this.#socket.write(encode(this.#helloId));
    this.#greetTimer = this.#clock.setTimer(timeoutMs, () =>
      this.destroy('endpoint_silent', 'hello not answered in time'),
    );
  }

  /** Writes an exchange behind what is queued already. Its frame's id is patched in place. */
  send(exchange: Exchange, nowMs: number): void {
    this.#state = nextConnectionState(this.#state, 'sent');
    const requestId = this.#ids.next();
    exchange.frame.setRequestId(requestId);
    exchange.state = 'sent';
    exchange.sentMs = nowMs;
    this.#queue.push(exchange);
    exchange.requestId = exchange.fence === null ? requestId : this.#numberFence(exchange.fence);
    const compression = this.#compression;
    if (compression !== null && compression.chosen !== null && exchange.owner.mayCompress?.() === true) {
      this.#writeCompressed(exchange, compression);
    } else this.#write(exchange.frame, exchange.fence);
  }

  #numberFence(fence: Buffer): number {
    const requestId = this.#ids.next();
    fence.writeInt32LE(requestId, 4);
    return requestId;
  }

  #write(frame: Frame, fence: Buffer | null): void {
    for (const chunk of frame.chunks) this.#socket.write(chunk);
    if (fence !== null) this.#socket.write(fence);
  }

  /** Small requests at once, others off the event loop; the fence stays behind its write. */
  #writeCompressed({ frame, fence }: Exchange, compression: ServerCompression): void {
    const { chosenId } = compression;
    if (!deflatesAsync(frame, chosenId)) {
      this.#write(this.#counted(frame, deflate(frame, chosenId), compression), fence);
      return;
    }
    this.#isDeflating = true;
    deflateAsync(frame, chosenId, (outer) => {
      this.#socket.runGuarded(() => {
        this.#isDeflating = false;
        if (this.#state === 'busy') this.#write(this.#counted(frame, outer, compression), fence);
      });
    });
  }

  #counted(plain: Frame, outer: Frame, { chosen, counts }: ServerCompression): Frame {
    if (outer !== plain && chosen !== null) {
      counts.add('upstream', 'sent', { name: chosen, wireBytes: outer.length, plainBytes: plain.length });
    }
    return outer;
  }

  onData(chunk: Buffer): void {
    this.#lastReadMs = this.#clock.nowMs();
    try {
      this.#framer.push(chunk);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    this.#settle();
  }

  /** What cannot be read is no answer. Anything but a DecodeError is weir's own mistake. */
  #refuse(error: unknown): void {
    if (!(error instanceof DecodeError)) throw error;
    this.#events.onDecodeError(error.reason);
    this.destroy('malformed_reply', error.reason);
  }

  #receive(frame: Frame): void {
    if (this.#state === 'handshaking') {
      this.#receiveHello(frame);
      return;
    }
    const exchange = this.#queue[0];
    if (exchange === undefined) return this.destroy('unexpected_reply', `responseTo ${frame.responseTo}`);
    if (frame.responseTo !== exchange.requestId) return this.destroy('response_mismatch', 'responseTo');
    if (this.#socket.unwrittenBytes > 0 || this.#isDeflating) {
      return this.destroy('reply_before_request', 'request not written whole');
    }
    // Nothing else is outstanding while a reply is inflated, so nothing may follow it.
    if (this.#isInflating) return this.destroy('unexpected_reply', 'a second reply');
    if (frame.opcode === OPCODE.compressed) this.#unwrap(exchange, frame);
    else this.#complete(exchange, frame);
  }

  #accepts(opcode: number): boolean {
    if (opcode !== OPCODE.compressed) return opcode === OPCODE.msg || opcode === OPCODE.reply;
    this.#compression?.admitOpcode();
    return this.#compression !== null;
  }

  #unwrap(exchange: Exchange, outer: Frame): void {
    const compression = this.#compression as ServerCompression;
    let header: CompressedHeader;
    let inner: Frame | null = null;
    try {
      header = compression.admit(outer);
      if (!inflatesAsync(outer, header)) inner = inflate(outer, header);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    if (inner !== null) {
      this.#completeInner(exchange, inner, header);
      return;
    }
    this.#isInflating = true;
    inflateAsync(outer, (error, late) => {
      this.#socket.runGuarded(() => {
        this.#isInflating = false;
        if (this.#state === 'closed') return;
        if (late === null) return this.#refuse(error);
        this.#completeInner(exchange, late, header);
        this.#settle();
      });
    });
  }

  #completeInner(exchange: Exchange, inner: Frame, { name }: CompressedHeader): void {
    const { wireBytes, length } = inner;
    this.#compression?.counts.add('upstream', 'received', { name, wireBytes, plainBytes: length });
    this.#complete(exchange, inner);
  }

  #complete(exchange: Exchange, frame: Frame): void {
    const reply = this.#read(frame);
    if (reply === null) return;
    if (reply.moreToCome) return this.destroy('more_to_come', 'reply with moreToCome');
    this.#queue.shift();
    exchange.state = 'done';
    exchange.repliedMs = this.#lastReadMs;
    this.#deliver(exchange, reply);
  }

  /** Owners may read deeper than the first pass; what is malformed there is no answer either. */
  #deliver(exchange: Exchange, reply: ReplyView): void {
    try {
      exchange.owner.onReply(exchange, reply);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#events.onDecodeError(error.reason);
      exchange.owner.onFailed(exchange, 'lost');
      this.destroy('malformed_reply', error.reason);
    }
  }

  #receiveHello(frame: Frame): void {
    if (frame.responseTo !== this.#helloId) return this.destroy('response_mismatch', 'hello');
    const reply = this.#read(frame);
    if (reply === null) return;
    if (!reply.ok) return this.destroy('handshake_failed', reply.errmsg);
    try {
      this.#compression?.agree(reply.body);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    this.#greetTimer?.cancel();
    this.#state = nextConnectionState(this.#state, 'greeted');
    this.#events.onGreeted(this, reply.body);
  }

  #read(frame: Frame): ReplyView | null {
    try {
      return readReply(frame);
    } catch (error) {
      this.#refuse(error);
      return null;
    }
  }

  /** After every read: with nothing outstanding the connection is either provably clean, or dies. */
  #settle(): void {
    if (this.#state === 'closed' || this.#state === 'handshaking' || this.#queue.length > 0) return;
    if (this.#framer.heldBytes > 0) return this.destroy('bytes_left', `${this.#framer.heldBytes} bytes`);
    if (this.#state === 'busy') this.#state = nextConnectionState(this.#state, 'drained');
    this.#events.onIdle(this);
  }

  onClose(reason: string): void {
    this.destroy(reason === 'peer_closed' || reason === 'closed' ? 'peer_closed' : 'socket_error', reason);
  }

  onDrain(): void {}

  /** Ends it; every exchange it still has is failed. Later calls do nothing. */
  destroy(reason: PerishReason, detail: string): void {
    if (this.#state === 'closed') return;
    // Only a lone exchange whose bytes all still lie in the gather buffer is known to be unsent.
    const isUnsent = this.#queue.length === 1 && (this.#socket.gatheredBytes > 0 || this.#isDeflating);
    this.#state = 'closed';
    this.#greetTimer?.cancel();
    this.#framer.stop();
    this.#socket.destroy(reason);
    for (const exchange of this.#queue.splice(0)) {
      exchange.state = 'done';
      exchange.owner.onFailed(exchange, isUnsent ? 'lost_unwritten' : 'lost');
    }
    this.#events.onClosed(this, reason, detail);
  }
}
