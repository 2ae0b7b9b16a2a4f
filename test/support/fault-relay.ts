// A TCP relay between anybody and a MongoDB server that does to messages what its script says: see fault-script.ts.
// It understands headers and command names only; what it cannot cut into messages passes as chunks without a name.
// Invariants: without a rule the bytes pass unchanged and in order; stop() leaves no socket, port or timer behind.

import { connect, createServer, type Server, type Socket } from 'node:net';
import { DecodeError, deserialize, type Frame, Framer, OPCODE } from '../../codecs/index.ts';
import { type Clock, systemClock, type Timer } from '../../src/core/clock.ts';
import { type Deed, FaultScript, type Way } from './fault-script.ts';

/** How a new connection is met: joined to the server, accepted and never spoken to, broken at once. */
export type Welcome = 'serve' | 'silence' | 'reset';

/** A sender is not read while so much of it waits here. */
const HELD_BYTES = 1 << 20;
const MORE_TO_COME = 2;
/** Requests whose replies are still named; a relay of a test has few open. */
const MAX_NAMED = 10_000;

export class FaultRelay {
  /** Port of the server on 127.0.0.1; a change is for connections to come. */
  target: number;
  script: FaultScript = new FaultScript();
  welcome: Welcome = 'serve';
  /** Where it listens; 0 before start(). */
  port = 0;
  accepted = 0;
  readonly #clock: Clock;
  readonly #links: Set<Link> = new Set();
  readonly #silent: Set<Socket> = new Set();
  #server: Server | null = null;

  constructor(target: number, clock: Clock = systemClock) {
    this.target = target;
    this.#clock = clock;
  }

  /** Connections that are joined to the server now. */
  get open(): number {
    return this.#links.size;
  }

  /** Listens on this port of 127.0.0.1, 0 for a free one. */
  async start(port = 0): Promise<void> {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: '127.0.0.1', port }, resolve);
    });
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
    this.#server = server;
  }

  /** Breaks every connection and closes the port. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    const closed = new Promise<void>((resolve) => {
      if (server === null) resolve();
      else server.close(() => resolve());
    });
    this.breakAll();
    await closed;
  }

  /** Resets every connection; the port stays open. */
  breakAll(): void {
    for (const link of [...this.#links]) link.reset();
    for (const socket of this.#silent) socket.resetAndDestroy();
    this.#silent.clear();
  }

  #accept(client: Socket): void {
    const number = ++this.accepted;
    client.on('error', () => {});
    if (this.welcome === 'reset') {
      client.resetAndDestroy();
      return;
    }
    if (this.welcome === 'silence') {
      this.#silent.add(client);
      client.on('close', () => this.#silent.delete(client));
      return;
    }
    const server = connect({ host: '127.0.0.1', port: this.target, noDelay: true, allowHalfOpen: true });
    const link = new Link(number, { client, server }, this.#clock, {
      deedFor: (message) => this.script.deedFor(message),
      onGone: () => this.#links.delete(link),
    });
    this.#links.add(link);
  }
}

interface LinkEvents {
  deedFor: FaultScript['deedFor'];
  onGone(): void;
}

/** One client connection with the server connection that belongs to it. */
class Link {
  readonly #number: number;
  readonly #sockets: readonly Socket[];
  readonly #events: LinkEvents;
  readonly #streams: readonly Stream[];
  /** Commands whose replies are due, by request id. */
  readonly #asked: Map<number, string> = new Map();
  #app = '';
  #isGone = false;

  constructor(number: number, sockets: { client: Socket; server: Socket }, clock: Clock, events: LinkEvents) {
    const { client, server } = sockets;
    this.#number = number;
    this.#sockets = [client, server];
    this.#events = events;
    const end = { onEnd: (how: 'close' | 'reset') => (how === 'close' ? this.#end() : this.reset()) };
    this.#streams = [
      new Stream({ from: client, to: server, clock, deedFor: (frame) => this.#judge('request', frame), ...end }),
      new Stream({ from: server, to: client, clock, deedFor: (frame) => this.#judge('reply', frame), ...end }),
    ];
    for (const socket of this.#sockets) {
      socket.on('error', () => this.reset());
      socket.on('close', () => this.#onClose());
    }
  }

  /** Both sides see a reset. */
  reset(): void {
    if (this.#isGone) return;
    this.#leave();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Both sides see an end; what they still say is read and dropped. */
  #end(): void {
    if (this.#isGone) return;
    for (const stream of this.#streams) stream.silence();
    for (const socket of this.#sockets) socket.end();
  }

  /** A side that is closed both ways takes the other one with it, once what it said has been passed on. */
  #onClose(): void {
    if (this.#isGone) return;
    const isOver = this.#streams.every((stream) => stream.isOver);
    if (!isOver) return;
    this.#leave();
    for (const socket of this.#sockets) socket.end(() => socket.destroy());
  }

  #leave(): void {
    this.#isGone = true;
    for (const stream of this.#streams) stream.stop();
    this.#events.onGone();
  }

  #judge(way: Way, frame: Frame | null): Deed | null {
    const command = frame === null ? '' : way === 'request' ? this.#readRequest(frame) : this.#readReply(frame);
    return this.#events.deedFor({ way, app: this.#app, command, connection: this.#number });
  }

  #readRequest(frame: Frame): string {
    const body = bodyOf(frame);
    if (body === null) return '';
    const name = body.toString('utf8', 5, body.indexOf(0, 5));
    if (this.#app === '' && /^(hello|isMaster|ismaster)$/.test(name)) this.#app = appOf(body);
    const wantsNoReply = frame.opcode === OPCODE.msg && (frame.bytes.readInt32LE(16) & MORE_TO_COME) !== 0;
    if (!wantsNoReply && this.#asked.size < MAX_NAMED) this.#asked.set(frame.requestId, name);
    return name;
  }

  #readReply(frame: Frame): string {
    const name = this.#asked.get(frame.responseTo) ?? '';
    this.#asked.delete(frame.responseTo);
    return name;
  }
}

/** Cuts what arrives into messages; from the first thing that is none on, chunks pass as they come. */
class Cutter {
  readonly #onPiece: (bytes: Buffer, frame: Frame | null) => void;
  readonly #framer: Framer;
  /** Arrived and not handed on yet. */
  readonly #rest: Buffer[] = [];
  #isRaw = false;

  constructor(onPiece: (bytes: Buffer, frame: Frame | null) => void) {
    this.#onPiece = onPiece;
    this.#framer = new Framer({
      onFrame: (frame) => {
        this.#drop(frame.length);
        onPiece(frame.bytes, frame);
      },
    });
  }

  push(chunk: Buffer): void {
    if (this.#isRaw) return this.#onPiece(chunk, null);
    this.#rest.push(chunk);
    try {
      this.#framer.push(chunk);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#isRaw = true;
      this.#onPiece(Buffer.concat(this.#rest.splice(0)), null);
    }
  }

  #drop(bytes: number): void {
    let left = bytes;
    while (left > 0) {
      const first = this.#rest.shift();
      if (first === undefined) return;
      if (first.length > left) this.#rest.unshift(first.subarray(left));
      left -= first.length;
    }
  }
}

interface StreamParts {
  readonly from: Socket;
  readonly to: Socket;
  readonly clock: Clock;
  /** Null: bytes that are no message. */
  readonly deedFor: (frame: Frame | null) => Deed | null;
  readonly onEnd: (how: 'close' | 'reset') => void;
}

/** One direction: messages leave in their order, each after what its deed asks for. */
class Stream {
  readonly #parts: StreamParts;
  readonly #jobs: (() => Promise<void>)[] = [];
  #held = 0;
  #isRunning = false;
  #isSilent = false;
  #isStopped = false;
  #hasEnded = false;
  #bytesPerSecond = 0;
  #timer: Timer | null = null;
  #wake: (() => void) | null = null;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    const cutter = new Cutter((bytes, frame) => this.#take(bytes, frame));
    parts.from.on('data', (chunk: Buffer) => cutter.push(chunk));
    parts.from.on('end', () => this.#enqueue(0, async () => this.#passEnd()));
  }

  /** Nothing more will leave this way. */
  get isOver(): boolean {
    return this.#hasEnded || this.#isSilent || this.#parts.to.destroyed;
  }

  /** What is still to come is read and dropped. */
  silence(): void {
    this.#isSilent = true;
    this.#parts.from.resume();
  }

  stop(): void {
    this.#isStopped = true;
    this.#jobs.length = 0;
    this.#timer?.cancel();
    this.#wake?.();
  }

  #take(bytes: Buffer, frame: Frame | null): void {
    if (this.#isSilent) return;
    const deed = this.#parts.deedFor(frame);
    this.#enqueue(bytes.length, async () => this.#perform(deed, bytes));
  }

  #enqueue(bytes: number, work: () => Promise<void>): void {
    this.#held += bytes;
    if (this.#held > HELD_BYTES) this.#parts.from.pause();
    this.#jobs.push(async () => {
      await work();
      this.#held -= bytes;
      if (this.#held <= HELD_BYTES) this.#parts.from.resume();
    });
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) await job();
    this.#isRunning = false;
  }

  async #passEnd(): Promise<void> {
    this.#hasEnded = true;
    if (!this.#isSilent) this.#parts.to.end();
  }

  async #perform(deed: Deed | null, bytes: Buffer): Promise<void> {
    if (deed === null) return this.#pass(bytes);
    switch (deed.do) {
      case 'cut':
        return this.#cut(bytes.subarray(0, deed.after), deed.ending);
      case 'half_close':
        await this.#pass(bytes);
        this.#parts.to.end();
        return this.silence();
      case 'delay':
        await this.#wait(deed.ms);
        return this.#pass(bytes);
      case 'throttle':
        this.#bytesPerSecond = deed.bytesPerSecond;
        return this.#pass(bytes);
      case 'split':
        return this.#split(bytes, deed.bytes);
      case 'repeat':
        for (let time = 0; time < deed.times; time++) await this.#pass(bytes);
        return;
      case 'misaddress':
        return this.#pass(misaddressed(bytes, deed.by));
      case 'replace':
        return this.#pass(deed.with);
      default:
        return deed satisfies never;
    }
  }

  async #cut(bytes: Buffer, ending: 'close' | 'reset' | 'silence'): Promise<void> {
    if (bytes.length > 0) await this.#pass(bytes);
    if (ending === 'silence') this.silence();
    else this.#parts.onEnd(ending);
  }

  async #split(bytes: Buffer, size: number): Promise<void> {
    for (let at = 0; at < bytes.length; at += size) {
      await this.#write(bytes.subarray(at, at + size));
      await this.#wait(0);
    }
  }

  async #pass(bytes: Buffer): Promise<void> {
    if (this.#bytesPerSecond === 0) return this.#write(bytes);
    // A tenth of a second's worth at a time, one byte at least.
    const size = Math.max(1, Math.floor(this.#bytesPerSecond / 10));
    for (let at = 0; at < bytes.length && !this.#isStopped; at += size) {
      await this.#wait((1000 * size) / this.#bytesPerSecond);
      await this.#write(bytes.subarray(at, at + size));
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    const { to } = this.#parts;
    if (this.#isStopped || this.#isSilent || to.destroyed || to.writableEnded) return;
    await new Promise<void>((resolve) => {
      to.write(bytes, () => resolve());
    });
  }

  async #wait(ms: number): Promise<void> {
    if (this.#isStopped) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#timer = this.#parts.clock.setTimer(ms, resolve);
    });
  }
}

function misaddressed(bytes: Buffer, by: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeInt32LE((copy.readInt32LE(8) + by) | 0, 8);
  return copy;
}

/** The command document's bytes as far as they are there, or null where there is none to read (compressed, a reply). */
function bodyOf(frame: Frame): Buffer | null {
  const { bytes, opcode } = frame;
  if (opcode !== OPCODE.msg && opcode !== OPCODE.query) return null;
  const at = opcode === OPCODE.query ? bytes.indexOf(0, 20) + 9 : 21;
  return at + 6 < bytes.length ? bytes.subarray(at) : null;
}

function appOf(body: Buffer): string {
  try {
    const hello = deserialize(body.subarray(0, body.readInt32LE(0)));
    const client = hello['client'] as { application?: { name?: string } } | undefined;
    return client?.application?.name ?? '';
  } catch (error) {
    if (error instanceof DecodeError) return '';
    throw error;
  }
}
