// A client on a bare socket: sends any bytes and hears whole replies. No retries, no hello unless it is asked for.
// Invariant: every wait ends: with a reply, with the end of the connection, or at a deadline.

import { connect, type Socket } from 'node:net';
import { type BsonDocument, deserialize, encodeMessage, type Frame, Framer, OPCODE } from '../../../codecs/index.ts';
import { eventually } from './eventually.ts';

export interface RawReply {
  readonly responseTo: number;
  readonly opcode: number;
  /** OP_REPLY's flags, or OP_MSG's flagBits. */
  readonly flags: number;
  readonly document: BsonDocument;
}

export class RawClient {
  readonly socket: Socket;
  readonly replies: RawReply[] = [];
  /** The peer ended or broke the connection. */
  isClosed = false;
  bytesRead = 0;
  #taken = 0;
  #lastId = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    const framer = new Framer({ onFrame: (frame) => this.replies.push(readReply(frame)) });
    const close = (): void => {
      this.isClosed = true;
    };
    socket.on('error', close);
    socket.on('end', close);
    socket.on('close', close);
    socket.on('data', (chunk: Buffer) => {
      this.bytesRead += chunk.length;
      framer.push(chunk);
    });
  }

  /** @param allowHalfOpen stay writable after the peer's end, as a careless or hostile client does. */
  static async connect(port: number, allowHalfOpen = false): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen });
    const client = new RawClient(socket);
    await eventually('a raw client connects', () => socket.readyState === 'open' || client.isClosed);
    return client;
  }

  nextId(): number {
    this.#lastId++;
    return this.#lastId;
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Sends a command as OP_MSG; returns its request id. */
  say(document: BsonDocument, flags = 0): number {
    const id = this.nextId();
    // The first key is the command's name, so $db goes last.
    this.send(encodeMessage({ ...document, $db: (document['$db'] as string | undefined) ?? 'shop' }, id, 0, flags));
    return id;
  }

  /** Sends a command and gives its reply's document; rejects when the connection ends instead. */
  async ask(document: BsonDocument): Promise<BsonDocument> {
    const id = this.say(document);
    const reply = await this.next();
    if (reply?.responseTo !== id) throw new Error(`no reply to ${Object.keys(document)[0] ?? ''}`);
    return reply.document;
  }

  async hello(app: string, extra: BsonDocument = {}): Promise<BsonDocument> {
    const client = { application: { name: app }, driver: { name: 'raw', version: '1' }, os: { type: 'Test' } };
    return await this.ask({ hello: 1, client, ...extra, $db: 'admin' });
  }

  /** The next reply, or null when the connection ended first. */
  async next(): Promise<RawReply | null> {
    await eventually('a reply or the end', () => this.replies.length > this.#taken || this.isClosed);
    const reply = this.replies[this.#taken];
    if (reply === undefined) return null;
    this.#taken++;
    return reply;
  }

  async closed(): Promise<void> {
    await eventually('weir closes the connection', () => this.isClosed);
  }

  destroy(): void {
    this.socket.destroy();
  }
}

function readReply(frame: Frame): RawReply {
  const bytes = frame.bytes;
  const at = frame.opcode === OPCODE.reply ? 36 : 21;
  return {
    responseTo: frame.responseTo,
    opcode: frame.opcode,
    flags: bytes.readInt32LE(16),
    document: deserialize(bytes.subarray(at, at + bytes.readInt32LE(at))),
  };
}
