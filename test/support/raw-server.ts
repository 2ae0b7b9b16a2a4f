// A scripted server on a real port: says hello by itself as a primary, and leaves every other request to the test.
// It knows no command's meaning. Invariant: whatever the script does, stop() leaves no socket and no port of it behind.

import { createServer, type Server, type Socket } from 'node:net';
import {
  type BsonDocument,
  DecodeError,
  deserialize,
  encodeMessage,
  type Frame,
  Framer,
  ObjectId,
  scanOpMsg,
} from '../../codecs/index.ts';

const MORE_TO_COME = 2;

/** A connection as the server sees it. */
export class RawConnection {
  readonly socket: Socket;
  /** App name of the hello's metadata: `weir monitor`, `weir pool`; '' before the hello. */
  app = '';
  /** Bytes that arrived. */
  bytesRead = 0;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Ends it in order, without answering. */
  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** One request that is no hello. */
export interface RawRequest {
  readonly connection: RawConnection;
  readonly id: number;
  readonly name: string;
  readonly document: BsonDocument;
  readonly frame: Frame;
  readonly flagBits: number;
  readonly moreToCome: boolean;
  /** The bytes of the right reply; `ok: 1` is added. */
  encode(document?: BsonDocument, responseTo?: number): Buffer;
  reply(document?: BsonDocument): void;
}

export type RawScript = (request: RawRequest) => void;

/** Answers everything with ok. */
export const answerOk: RawScript = (request) => request.reply();

/** What a find of no documents is answered. */
export function emptyCursor(namespace = 'shop.orders'): BsonDocument {
  return { cursor: { firstBatch: [], id: 0, ns: namespace } };
}

export class RawServer {
  readonly requests: RawRequest[] = [];
  readonly connections: Set<RawConnection> = new Set();
  /** Called for every request but hello. */
  script: RawScript = answerOk;
  /** Called for the hello of the monitor's connection and of all others; false leaves it unanswered. */
  mayAnswerHello: (connection: RawConnection) => boolean = () => true;
  processId: ObjectId = new ObjectId();
  /** Fields of its hello that differ from a primary without a set. */
  hello: BsonDocument = {};
  accepted = 0;
  peak = 0;
  port = 0;
  #server: Server | null = null;
  #lastId = 0;

  /** Listens; the second time on the port of the first. */
  async start(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: '127.0.0.1', port: this.port }, resolve);
    });
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
    this.#server = server;
  }

  get isListening(): boolean {
    return this.#server !== null;
  }

  /** Closes the port and every connection at once, as a killed process does. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const connection of this.connections) connection.destroy();
    });
  }

  /** Connections that carry operations. */
  get poolConnections(): RawConnection[] {
    return [...this.connections].filter((connection) => connection.app === 'weir pool');
  }

  requestsNamed(name: string): RawRequest[] {
    return this.requests.filter((request) => request.name === name);
  }

  #accept(socket: Socket): void {
    const connection = new RawConnection(socket);
    this.connections.add(connection);
    this.accepted++;
    this.peak = Math.max(this.peak, this.connections.size);
    const framer = new Framer({ onFrame: (frame) => this.#read(connection, frame) });
    socket.on('error', () => {});
    socket.on('close', () => this.connections.delete(connection));
    socket.on('data', (chunk: Buffer) => {
      connection.bytesRead += chunk.length;
      framer.push(chunk);
    });
  }

  #read(connection: RawConnection, frame: Frame): void {
    const { bytes, requestId: id } = frame;
    const layout = scanOpMsg(bytes);
    const document = decode(bytes.subarray(layout.bodyStart, layout.bodyEnd));
    const encode = (reply: BsonDocument = {}, responseTo: number = id): Buffer =>
      encodeMessage({ ok: 1, ...reply }, ++this.#lastId, responseTo);
    if ('hello' in document) {
      this.#greet(connection, document, encode);
      return;
    }
    const request: RawRequest = {
      connection,
      id,
      name: Object.keys(document)[0] ?? '',
      document,
      frame,
      flagBits: layout.flagBits,
      moreToCome: (layout.flagBits & MORE_TO_COME) !== 0,
      encode,
      reply: (reply) => connection.send(encode(reply)),
    };
    this.requests.push(request);
    this.script(request);
  }

  #greet(connection: RawConnection, hello: BsonDocument, encode: (reply: BsonDocument) => Buffer): void {
    const client = hello['client'] as { application?: { name?: string } } | undefined;
    connection.app = client?.application?.name ?? connection.app;
    if (this.mayAnswerHello(connection)) connection.send(encode(this.#helloDocument()));
  }

  #helloDocument(): BsonDocument {
    return {
      isWritablePrimary: true,
      minWireVersion: 0,
      maxWireVersion: 25,
      maxBsonObjectSize: 16_777_216,
      maxMessageSizeBytes: 48_000_000,
      maxWriteBatchSize: 100_000,
      logicalSessionTimeoutMinutes: 30,
      ...this.hello,
      topologyVersion: { processId: this.processId, counter: 0 },
    };
  }
}

/** A body that cannot be decoded, one too deep for example, arrives as `{undecodable: 1}`. */
function decode(body: Buffer): BsonDocument {
  try {
    return deserialize(body);
  } catch (error) {
    if (error instanceof DecodeError) return { undecodable: 1 };
    throw error;
  }
}
