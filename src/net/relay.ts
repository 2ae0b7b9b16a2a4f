// Two TCP connections joined byte for byte, a client's and its own to the server: flow control, half-close and resets
// pass through. It reads nothing and knows no protocol. Invariants: bytes leave as they came, in their order, before
// anybody else sees them; what waits for a slow reader is bounded; onClosed is called exactly once.

import { connect, type OnReadOpts, type Socket } from 'node:net';
import type { Clock, Timer } from '../core/clock.ts';
import type { HostPort } from '../options.ts';
import { ReadMemory } from './read-memory.ts';

/**
 * Why a relay ended:
 * - client_closed, server_closed: that side sent its end first, and the other followed, or said nothing for a minute
 * - client_broken, server_broken: that side's connection was reset or failed; the other was reset as well
 * - connect_failed, connect_timeout: there never was a connection to the server
 * - the rest: weir ended it
 */
export const RELAY_ENDS = [
  'client_closed',
  'server_closed',
  'client_broken',
  'server_broken',
  'connect_failed',
  'connect_timeout',
  'idle_timeout',
  'drained',
  'drain_deadline',
  'stopped',
  'over_limit',
  'killed',
] as const;
export type RelayEnd = (typeof RELAY_ENDS)[number];

export interface RelayEvents {
  onConnected(): void;
  /** The chunk was handed on already; it must not be changed, nor kept after the call. Must not throw. */
  onClientBytes(chunk: Buffer): void;
  onServerBytes(chunk: Buffer): void;
  /** `detail`: the system's error code (ECONNREFUSED, ECONNRESET …), '' without one. */
  onClosed(end: RelayEnd, detail: string): void;
}

export interface RelayTarget {
  readonly address: HostPort;
  readonly connectTimeoutMs: number;
}

/** Unsent bytes of one direction beyond which its sender is not read. One chunk (64 KiB at most) comes on top. */
const HIGH_WATER_BYTES = 65_536;
/** After one side's end the other may be silent for so long; many kernels give a closed socket as much. */
const HALF_OPEN_MS = 60_000;
/** How long a silent connection stays before its peer is probed; what drivers set as well. */
export const KEEP_ALIVE_MS = 120_000;

export class Relay {
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Where the client reached weir. */
  readonly localAddress: string;
  readonly localPort: number;
  readonly #client: Socket;
  #server: Socket | null = null;
  #events: RelayEvents | null = null;
  #clock: Clock | null = null;
  /** First for the connection to the server, later for the end of a half-open relay. */
  #timer: Timer | null = null;
  #isConnected = false;
  #isOver = false;
  /** Sides whose sockets are wholly closed, and who sent its end first. */
  #closedSides = 0;
  #firstEnd: RelayEnd = 'client_closed';
  #hasEnd = false;

  /** @param client an accepted socket, not read yet, with allowHalfOpen */
  constructor(client: Socket) {
    this.#client = client;
    this.remoteAddress = client.remoteAddress ?? '';
    this.remotePort = client.remotePort ?? 0;
    this.localAddress = client.localAddress ?? '';
    this.localPort = client.localPort ?? 0;
    client.on('error', (error: NodeJS.ErrnoException) => this.#onError('client_broken', error));
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.#isOver;
  }

  /** It had a server, whether it still has or not. */
  get wasConnected(): boolean {
    return this.#isConnected;
  }

  /** Bytes taken from one side that the other side's kernel has not taken yet, both directions together. */
  get unsentBytes(): number {
    return this.#client.writableLength + (this.#server?.writableLength ?? 0);
  }

  /** Bytes that came from the client, and that went to it. */
  get bytesIn(): number {
    return this.#client.bytesRead;
  }

  get bytesOut(): number {
    return this.#client.bytesWritten;
  }

  /** Dials the server; the client is read only once that connection stands, so nothing is collected before. */
  open(target: RelayTarget, clock: Clock, events: RelayEvents): void {
    this.#events = events;
    this.#clock = clock;
    const { host, port } = target.address;
    const server = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      allowHalfOpen: true,
      onread: this.#readAgain(),
    });
    this.#server = server;
    this.#timer = clock.setTimer(target.connectTimeoutMs, () => this.#break('connect_timeout', ''));
    server.once('connect', () => this.#onConnected(server));
    server.on('error', (error: NodeJS.ErrnoException) => {
      this.#onError(this.#isConnected ? 'server_broken' : 'connect_failed', error);
    });
  }

  /** Ends both sides now; what was not sent is lost. */
  destroy(end: RelayEnd): void {
    if (this.#isOver) return;
    this.#over(end, '');
    this.#client.destroy();
    this.#server?.destroy();
  }

  #onConnected(server: Socket): void {
    if (this.#isOver) return;
    this.#timer?.cancel();
    this.#isConnected = true;
    const events = this.#events;
    events?.onConnected();
    this.#join(this.#client, server, 'client_closed');
    this.#join(server, this.#client, 'server_closed');
    this.#client.on('data', (chunk: Buffer) => {
      pass(this.#client, server, chunk);
      events?.onClientBytes(chunk);
    });
    this.#client.resume();
  }

  /** How the server's socket is read; accepted sockets have no such way. */
  #readAgain(): OnReadOpts {
    const memory = new ReadMemory();
    return {
      buffer: () => memory.current,
      callback: (bytes) => {
        const chunk = memory.current.subarray(0, bytes);
        if (this.#server !== null) pass(this.#server, this.#client, chunk);
        this.#events?.onServerBytes(chunk);
        memory.onRead(bytes, this.#client.writableLength > 0);
        return true;
      },
    };
  }

  #join(from: Socket, to: Socket, end: RelayEnd): void {
    to.on('drain', () => {
      if (from.isPaused()) from.resume();
    });
    from.on('end', () => {
      to.end();
      if (this.#hasEnd) return;
      this.#hasEnd = true;
      this.#firstEnd = end;
      this.#watchHalfOpen();
    });
    // Without an error a socket closes when both of its halves have ended.
    from.on('close', () => {
      if (++this.#closedSides === 2 && !this.#isOver) this.#over(this.#firstEnd, '');
    });
  }

  /** A peer that does not notice the other's end would hold two descriptors for ever. */
  #watchHalfOpen(): void {
    const seenBytes = this.#readBytes;
    this.#timer =
      this.#clock?.setTimer(HALF_OPEN_MS, () => {
        if (this.unsentBytes > 0 || this.#readBytes !== seenBytes) this.#watchHalfOpen();
        else this.destroy(this.#firstEnd);
      }) ?? null;
  }

  get #readBytes(): number {
    return this.#client.bytesRead + (this.#server?.bytesRead ?? 0);
  }

  #onError(end: RelayEnd, error: NodeJS.ErrnoException): void {
    this.#break(end, error.code ?? '');
  }

  /** One side is lost: the other learns it in the way in which weir did. */
  #break(end: RelayEnd, detail: string): void {
    if (this.#isOver) return;
    this.#over(end, detail);
    reset(this.#client);
    if (this.#server !== null) reset(this.#server);
  }

  #over(end: RelayEnd, detail: string): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#events?.onClosed(end, detail);
  }
}

function pass(from: Socket, to: Socket, chunk: Buffer): void {
  to.write(chunk);
  // Not write()'s answer, which is stricter: each pause and resume costs a turn of the event loop.
  if (to.writableLength > HIGH_WATER_BYTES) from.pause();
}

function reset(socket: Socket): void {
  // A socket that is still dialling would wait for its connection in order to reset it.
  if (socket.destroyed || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
