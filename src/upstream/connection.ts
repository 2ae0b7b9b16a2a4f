// One connection to the server: a queue of exchanges, each matched to its reply by responseTo.
// It does not choose what to send, nor how many at once, and does not reconnect. Invariant: it is handed back (onIdle)
// only when provably clean: request written whole, reply read whole, responseTo right, moreToCome clear, no byte left; else it is destroyed.

import {
  type CompressedHeader,
  DecodeError,
  deflate,
  deflateAsync,
  deflatesAsync,
  type Frame,
  type FrameHead,
  Framer,
  inflate,
  inflateAsync,
  inflatesAsync,
  isPassable,
  OPCODE,
  type ReplyView,
  readReply,
} from '../../codecs/index.ts';
import type { Clock } from '../core/clock.ts';
import type { ByteSocket, SocketEvents } from '../net/byte-socket.ts';
import { ServerCompression } from './compression.ts';
import type { UpstreamConnectionEvents, UpstreamConnectionParts } from './connection-parts.ts';
import { type ConnectionState, nextConnectionState } from './connection-state.ts';
import type { AdmissionClass, Exchange } from './exchange.ts';
import { Greeting, type GreetingHost } from './greeting.ts';
import type { Handshake } from './handshake.ts';
import { LargeReply } from './large-reply.ts';
import type { PerishReason } from './perish.ts';
import type { RequestIds } from './request-ids.ts';

export class UpstreamConnection implements SocketEvents {
  readonly id: number;
  /** Generation of the pool that made it (CMAP); a lower one than the pool's is stale. */
  readonly generation: number;
  /** The class that it is lent to; null while nobody holds it. The pool's note. */
  lentFor: AdmissionClass | null = null;
  /** Only short exchanges are in flight here, and more of them may follow. The pool's note. */
  isShared = false;
  /** When it was last free, and when it is too old; the pool's notes. */
  idleSinceMs = 0;
  expiresMs: number = Number.POSITIVE_INFINITY;
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
  /** The reply that passes now without being collected. */
  #large: LargeReply | null = null;
  #lastReadMs = 0;
  #lastReplyMs = 0;
  /** Bytes that were given to the socket. */
  #acceptedBytes = 0;
  #greeting: Greeting | null = null;

  constructor(parts: UpstreamConnectionParts) {
    this.id = parts.id;
    this.generation = parts.generation;
    this.#socket = parts.socket;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
    this.#events = parts.events;
    this.#compression = parts.compression === undefined ? null : new ServerCompression(parts.compression);
    const { replyBufferBytes: beyondBytes } = parts;
    this.#framer = new Framer({
      onFrame: (frame) => this.#receive(frame),
      accepts: (opcode) => this.#accepts(opcode),
      ...(beyondBytes === undefined ? {} : { large: { beyondBytes, open: (head) => this.#openLarge(head) } }),
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

  /** Exchanges whose reply is due. */
  get inFlight(): number {
    return this.#queue.length;
  }

  /** One exchange is on its way here, and not a byte of its answer has come. */
  get isUnanswered(): boolean {
    const isReplying = this.#large !== null || this.#isInflating || this.#framer.heldBytes > 0;
    return this.#queue.length === 1 && !isReplying;
  }

  /** Requests may go compressed here: some leave later than others, so none may be behind another. */
  get compresses(): boolean {
    return this.#compression !== null && this.#compression.chosen !== null;
  }

  /** Whether the oldest exchange has had the server to itself for longer than this; one with a large reply at once. */
  isOverdue(nowMs: number, limitMs: number): boolean {
    const oldest = this.#queue[0];
    return (
      oldest !== undefined && (this.#large !== null || nowMs - Math.max(oldest.sentMs, this.#lastReplyMs) > limitMs)
    );
  }

  /** Starts the handshake. Unless it is over in time the connection dies. */
  greet(handshake: Handshake, timeoutMs: number): void {
    this.#greeting = new Greeting(handshake, this.#greetingHost(), this.#clock, timeoutMs);
  }

  #greetingHost(): GreetingHost {
    return {
      write: (encode) => {
        const requestId = this.#ids.next();
        this.#socket.write(encode(requestId));
        return requestId;
      },
      onHello: ({ body }) => {
        this.#compression?.agree(body);
        this.#events.onGreeted(this, body);
        return this.state !== 'closed';
      },
      onDone: () => {
        this.#state = nextConnectionState(this.#state, 'greeted');
      },
      destroy: (reason, detail) => this.destroy(reason, detail),
      run: (step, isLate) =>
        this.#socket.runGuarded(() => {
          step();
          if (isLate) this.#settle();
        }),
    };
  }

  /** Writes an exchange behind what is queued already. Its frame's id is patched in place. */
  send(exchange: Exchange, nowMs: number): void {
    this.#state = nextConnectionState(this.#state, 'sent');
    const requestId = this.#ids.next();
    exchange.frame.setRequestId(requestId);
    exchange.state = 'sent';
    exchange.sentMs = nowMs;
    exchange.place = this.#queue.push(exchange);
    exchange.requestId = exchange.fence === null ? requestId : this.#numberFence(exchange.fence);
    const compression = this.#compression;
    if (compression !== null && compression.chosen !== null && exchange.owner.mayCompress?.() === true) {
      this.#writeCompressed(exchange, compression);
    } else this.#write(exchange, exchange.frame);
  }

  #numberFence(fence: Buffer): number {
    const requestId = this.#ids.next();
    fence.writeInt32LE(requestId, 4);
    return requestId;
  }

  /** @param frame the exchange's own, or what became of it. */
  #write(exchange: Exchange, frame: Frame): void {
    const { fence } = exchange;
    exchange.writtenFrom = this.#acceptedBytes;
    for (const chunk of frame.chunks) this.#socket.write(chunk);
    this.#acceptedBytes += frame.length;
    if (fence !== null) {
      this.#socket.write(fence);
      this.#acceptedBytes += fence.length;
    }
    exchange.writtenTo = this.#acceptedBytes;
  }

  /** Small requests at once, others off the event loop; the fence stays behind its write. */
  #writeCompressed(exchange: Exchange, compression: ServerCompression): void {
    const { frame } = exchange;
    const { chosenId } = compression;
    if (!deflatesAsync(frame, chosenId)) {
      this.#write(exchange, this.#counted(frame, deflate(frame, chosenId), compression));
      return;
    }
    this.#isDeflating = true;
    deflateAsync(frame, chosenId, (outer) => {
      this.#socket.runGuarded(() => {
        this.#isDeflating = false;
        if (this.#state === 'busy') this.#write(exchange, this.#counted(frame, outer, compression));
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
      this.#receiveGreeting(frame);
      return;
    }
    const exchange = this.#queue[0];
    if (!this.#isDue(exchange, frame.responseTo)) return;
    if (frame.opcode === OPCODE.compressed) this.#unwrap(exchange, frame);
    else this.#complete(exchange, frame);
  }

  /** Whether a reply may come now, and for this exchange; if not, the connection is destroyed. */
  #isDue(exchange: Exchange | undefined, responseTo: number): exchange is Exchange {
    if (exchange === undefined) this.destroy('unexpected_reply', `responseTo ${responseTo}`);
    else if (responseTo !== exchange.requestId) this.destroy('response_mismatch', 'responseTo');
    else if (exchange.writtenTo > this.#acceptedBytes - this.#socket.unwrittenBytes || this.#isDeflating) {
      this.destroy('reply_before_request', 'request not written whole');
    }
    // Nothing else is outstanding while a reply is inflated, so nothing may follow it.
    else if (this.#isInflating) this.destroy('unexpected_reply', 'a second reply');
    return this.#state !== 'closed';
  }

  /** A reply beyond the buffer begins. With others behind it, it is collected: they shall not wait for a slow client. */
  #openLarge(head: FrameHead): LargeReply | null {
    const exchange = this.#queue[0];
    if (this.#state === 'handshaking' || !this.#isDue(exchange, head.responseTo)) return null;
    if (!isPassable(head) || this.#queue.length > 1) return null;
    this.#large = new LargeReply({
      exchange,
      socket: this.#socket,
      clock: this.#clock,
      onWhole: (reply) => {
        this.#large = null;
        this.#finish(exchange, reply);
      },
    }).opened(head.length);
    return this.#large;
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
    this.#finish(exchange, reply);
  }

  #finish(exchange: Exchange, reply: ReplyView): void {
    this.#queue.shift();
    exchange.state = 'done';
    exchange.turnMs = Math.max(exchange.sentMs, this.#lastReplyMs);
    exchange.repliedMs = this.#lastReadMs;
    this.#lastReplyMs = this.#lastReadMs;
    this.#events.onAnswered?.(exchange);
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

  #receiveGreeting(frame: Frame): void {
    if (this.#greeting?.takes(frame.responseTo) !== true) return this.destroy('response_mismatch', 'handshake');
    const reply = this.#read(frame);
    if (reply === null) return;
    try {
      this.#greeting.receive(reply);
    } catch (error) {
      this.#refuse(error);
    }
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
    if (this.#state === 'closed' || this.#state === 'handshaking') return;
    if (this.#queue.length > 0) {
      if (this.isShared) this.#events.onProgress?.(this);
      return;
    }
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
    // Only what still lies in the gather buffer whole is known to be unsent.
    const leftBytes = this.#acceptedBytes - this.#socket.gatheredBytes;
    this.#state = 'closed';
    this.#greeting?.stop();
    this.#framer.stop();
    this.#socket.destroy(reason);
    for (const exchange of this.#queue.splice(0)) {
      exchange.state = 'done';
      const isUnsent = this.#isDeflating || exchange.writtenFrom >= leftBytes;
      exchange.owner.onFailed(exchange, isUnsent ? 'lost_unwritten' : 'lost');
    }
    this.#events.onClosed(this, reason, detail);
  }
}
