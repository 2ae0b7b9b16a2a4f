// A client of bare sockets: it sends what a test gives it and collects the replies in the order they come.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { serialize } from 'bson';
import { type Doc, decodeDocument } from '../../../src/sandbox/documents.ts';
import { MessageSplitter } from '../../../src/sandbox/wire.ts';

export interface RawReply {
  readonly id: number;
  readonly responseTo: number;
  /** Flag bits of either opcode. */
  readonly flags: number;
  readonly opcode: number;
  readonly document: Doc;
}

export class RawClient {
  readonly socket: Socket;
  readonly replies: RawReply[] = [];
  readonly closed: Promise<unknown>;
  readonly #splitter = new MessageSplitter();
  readonly #waiters: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = once(socket, 'close');
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      for (const message of this.#splitter.push(chunk)) this.#take(message);
    });
  }

  static async open(port: number): Promise<RawClient> {
    const client = new RawClient(connect(port, '127.0.0.1'));
    await once(client.socket, 'connect');
    return client;
  }

  /** Resolves when that many replies are there; fails the test's timeout otherwise. */
  async has(count: number): Promise<readonly RawReply[]> {
    while (this.replies.length < count) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.replies;
  }

  send(requestId: number, command: Doc, flags = 0): void {
    this.socket.write(opMsg(requestId, command, flags));
  }

  sendQuery(requestId: number, command: Doc, namespace = 'admin.$cmd'): void {
    const body = Buffer.concat([Buffer.alloc(4), Buffer.from(`${namespace}\0`), Buffer.alloc(8), serialize(command)]);
    this.socket.write(Buffer.concat([header(requestId, 16 + body.length, 2004), body]));
  }

  #take(message: Buffer): void {
    const opcode = message.readInt32LE(12);
    const document = decodeDocument(message.subarray(opcode === 1 ? 36 : 21));
    const [id, responseTo, flags] = [message.readInt32LE(4), message.readInt32LE(8), message.readUInt32LE(16)];
    this.replies.push({ id, responseTo, flags, opcode, document });
    for (const wake of this.#waiters.splice(0)) wake();
  }
}

export function opMsg(requestId: number, command: Doc, flags = 0): Buffer {
  const body = serialize({ ...command, $db: command['$db'] ?? 'shop' });
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32LE(flags, 0);
  return Buffer.concat([header(requestId, 20 + 1 + body.length, 2013), prefix, body]);
}

function header(requestId: number, length: number, opcode: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(length, 0);
  bytes.writeInt32LE(requestId, 4);
  bytes.writeInt32LE(opcode, 12);
  return bytes;
}
