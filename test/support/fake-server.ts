// A scripted upstream on memory sockets: several addresses, hellos answered by itself, everything else left to the test.
// It decides nothing about weir. Invariant: every request it was sent is in `requests`, in the order of arrival.

import {
  type BsonDocument,
  deserialize,
  encodeMessage,
  encodeReply,
  type Frame,
  Framer,
  inflate,
  ObjectId,
  OPCODE,
} from '../../codecs/index.ts';
import type { ConnectEvents, Connector } from '../../src/net/connector.ts';
import type { TurnFlusher } from '../../src/net/turn-flusher.ts';
import type { HostPort } from '../../src/options.ts';
import type { FakeClock } from './fake-clock.ts';
import { MemorySocket } from './memory-socket.ts';

/** The requestID of every reply: weir must not care. */
const REPLY_ID = 7_000_000;

/** One request as a fake server sees it. */
export interface ServerRequest {
  readonly connection: ServerConnection;
  readonly requestId: number;
  /** The first key of the document. */
  readonly name: string;
  readonly document: BsonDocument;
  /** The document's bytes. */
  readonly body: Buffer;
  readonly flagBits: number;
  readonly moreToCome: boolean;
  isAnswered: boolean;
  /** Sends a reply with the right id, unless another is given. */
  reply(document: BsonDocument, responseTo?: number): void;
  /** The same as OP_REPLY. */
  replyLegacy(document: BsonDocument): void;
  /** The bytes that reply() would send, for a test that breaks them. */
  encodeReply(document: BsonDocument): Buffer;
}

/** A connection as the fake server sees it. */
export class ServerConnection {
  readonly host: string;
  readonly socket: MemorySocket;
  readonly requests: ServerRequest[] = [];
  /** The frames behind `requests`, and those that could not be read. */
  readonly received: Frame[] = [];
  isMonitor = false;
  isGone = false;

  constructor(host: string, socket: MemorySocket, onRequest: (request: ServerRequest) => void) {
    this.host = host;
    this.socket = socket;
    const framer = new Framer({
      onFrame: (frame) => {
        this.received.push(frame);
        const request = this.#read(frame);
        if (request === null) return;
        this.requests.push(request);
        onRequest(request);
      },
    });
    socket.onWritten = (bytes) => framer.push(Buffer.from(bytes));
    socket.onClosedHere = () => {
      this.isGone = true;
    };
  }

  /** Answers a frame, also one that could not be read. */
  replyTo(frame: Frame, document: BsonDocument, responseTo: number = frame.requestId): void {
    this.socket.feed(encodeMessage({ ok: 1, ...document }, REPLY_ID, responseTo));
  }

  /** Null where the document is malformed. */
  #read(outer: Frame): ServerRequest | null {
    const frame = outer.opcode === OPCODE.compressed ? inflate(outer) : outer;
    const bytes = frame.bytes;
    // OP_QUERY: flags, namespace, skip, count, document. OP_MSG: flags, kind 0, document.
    const at = frame.opcode === 2004 ? bytes.indexOf(0, 20) + 9 : 21;
    const body = bytes.subarray(at, at + bytes.readInt32LE(at));
    const document = decode(body);
    if (document === null) return null;
    const flagBits = bytes.readInt32LE(16);
    const request: ServerRequest = {
      connection: this,
      requestId: frame.requestId,
      name: Object.keys(document)[0] ?? '',
      document,
      body,
      flagBits,
      moreToCome: frame.opcode !== 2004 && (flagBits & 2) !== 0,
      isAnswered: false,
      reply: (answer, responseTo = frame.requestId) => {
        request.isAnswered = true;
        this.replyTo(frame, answer, responseTo);
      },
      replyLegacy: (answer) => {
        request.isAnswered = true;
        this.socket.feed(encodeReply({ ok: 1, ...answer }, REPLY_ID, frame.requestId));
      },
      encodeReply: (answer) => encodeMessage({ ok: 1, ...answer }, REPLY_ID, frame.requestId),
    };
    return request;
  }
}

function decode(body: Buffer): BsonDocument | null {
  try {
    return deserialize(body);
  } catch {
    return null;
  }
}

/** How one address differs from the rest. */
export interface HostScript {
  isAccepting?: boolean;
  answersHello?: boolean;
  hello?: BsonDocument;
  processId?: string;
}

/** Servers that answer hello by themselves; one process behind all addresses unless a test says otherwise. */
export class FakeServer implements Connector {
  readonly connections: ServerConnection[] = [];
  /** Requests that are not hellos, in the order of their arrival. */
  readonly requests: ServerRequest[] = [];
  /** Hellos that were not answered because `answersHello` is false. */
  readonly silentHellos: ServerRequest[] = [];
  /** Hellos of all connections, answered or not. */
  readonly hellos: ServerRequest[] = [];
  /** Hosts in the order in which they were dialled. */
  readonly dialled: string[] = [];
  /** By host; what is absent follows the server as a whole. */
  readonly hosts: Map<string, HostScript> = new Map();
  isAccepting = true;
  /** Packets vanish: a dial ends in connect_timeout. */
  isBlackHole = false;
  answersHello = true;
  /** How often each hello is answered, in one chunk. */
  helloReplies = 1;
  processId = '64b64c2f1f1f1f1f1f1f1f01';
  hello: BsonDocument = {};
  /** Most connections that were alive at once. */
  peak = 0;
  /** Answers at once when set; returning undefined leaves the request to the test. */
  respond: ((request: ServerRequest) => BsonDocument | undefined) | null = null;
  readonly #clock: FakeClock;
  readonly #flusher: TurnFlusher;

  constructor(clock: FakeClock, flusher: TurnFlusher) {
    this.#clock = clock;
    this.#flusher = flusher;
  }

  get live(): ServerConnection[] {
    return this.connections.filter((connection) => !connection.isGone);
  }

  /** Live connections that carry operations. */
  get pooled(): ServerConnection[] {
    return this.live.filter((connection) => !connection.isMonitor);
  }

  get monitor(): ServerConnection {
    const found = this.live.find((connection) => connection.isMonitor);
    if (found === undefined) throw new Error('no live monitor connection');
    return found;
  }

  /** Requests of a command that were not answered yet and whose connection is alive. */
  open(name: string): ServerRequest[] {
    return this.requests.filter(
      (request) => request.name === name && !request.isAnswered && !request.connection.isGone,
    );
  }

  /** The oldest of open(name). */
  take(name: string): ServerRequest {
    const found = this.open(name)[0];
    if (found !== undefined) return found;
    const seen = this.requests.map((request) => request.name).join(', ');
    throw new Error(`the server has no open ${name}; it saw: ${seen}`);
  }

  connect(address: HostPort, timeoutMs: number, events: ConnectEvents): { cancel(): void } {
    this.dialled.push(address.host);
    let isCancelled = false;
    if (this.isBlackHole) {
      const timer = this.#clock.setTimer(timeoutMs, () => events.onFailed('connect_timeout'));
      return { cancel: () => timer.cancel() };
    }
    this.#clock.onTurnEnd(() => {
      if (isCancelled) return;
      if (this.hosts.get(address.host)?.isAccepting ?? this.isAccepting) this.#accept(address.host, events);
      else events.onFailed('ECONNREFUSED');
    });
    return {
      cancel: () => {
        isCancelled = true;
      },
    };
  }

  #accept(host: string, events: ConnectEvents): void {
    const socket = new MemorySocket(this.#flusher);
    const connection = new ServerConnection(host, socket, (request) => this.#onRequest(request));
    this.connections.push(connection);
    this.peak = Math.max(this.peak, this.live.length);
    events.onConnected(socket);
  }

  #onRequest(request: ServerRequest): void {
    if ('hello' in request.document) {
      this.#onHello(request);
      return;
    }
    this.requests.push(request);
    const document = this.respond?.(request);
    if (document !== undefined) request.reply(document);
  }

  #onHello(request: ServerRequest): void {
    this.hellos.push(request);
    const client = request.document['client'] as { application?: { name?: string } } | undefined;
    if (client?.application?.name === 'weir monitor') request.connection.isMonitor = true;
    if (!(this.hosts.get(request.connection.host)?.answersHello ?? this.answersHello)) {
      this.silentHellos.push(request);
      return;
    }
    request.isAnswered = true;
    const answer = request.encodeReply(this.helloDocument(request.connection.host));
    request.connection.socket.feed(Buffer.concat(new Array<Buffer>(this.helloReplies).fill(answer)));
  }

  /** What a hello is answered, `ok` aside. */
  helloDocument(host = ''): BsonDocument {
    return {
      isWritablePrimary: true,
      maxWireVersion: 25,
      minWireVersion: 0,
      maxBsonObjectSize: 16_777_216,
      maxMessageSizeBytes: 48_000_000,
      maxWriteBatchSize: 100_000,
      logicalSessionTimeoutMinutes: 30,
      setName: 'rs0',
      ...this.hello,
      ...this.hosts.get(host)?.hello,
      topologyVersion: { processId: new ObjectId(this.hosts.get(host)?.processId ?? this.processId), counter: 0 },
    };
  }

  /** The connections of one address. */
  liveAt(host: string): ServerConnection[] {
    return this.live.filter((connection) => connection.host === host);
  }

  /** The process dies: every connection breaks, new ones are refused until `start()`. */
  kill(): void {
    this.isAccepting = false;
    for (const connection of this.live) connection.socket.hangUp();
  }

  start(processId: string): void {
    this.isAccepting = true;
    this.processId = processId;
  }
}
