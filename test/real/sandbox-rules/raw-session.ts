// One connection that sends a command and waits for its reply, with nothing added: no session, no retry, no promotion of types.
// Invariant: a connection that closes fails the command that waits.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { deserialize, serialize } from 'bson';
import type { Doc } from './rule.ts';

const OP_MSG = 2013;
const PREFIX_BYTES = 21;
const DEADLINE_MS = 30_000;

/** See the head of the file. */
export class RawSession {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #requestId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(port: number): Promise<RawSession> {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error('no reply in time')));
    await once(socket, 'connect');
    return new RawSession(socket);
  }

  /** Sends an OP_MSG and resolves with the reply's document; types are kept. */
  async run(database: string, command: Doc): Promise<Doc> {
    this.#requestId += 1;
    const body = serialize({ ...command, $db: database });
    const message = Buffer.alloc(PREFIX_BYTES + body.length);
    message.writeInt32LE(message.length, 0);
    message.writeInt32LE(this.#requestId, 4);
    message.writeInt32LE(OP_MSG, 12);
    message.set(body, PREFIX_BYTES);
    this.#socket.write(message);
    return deserialize(await this.#nextBody(), { promoteValues: false, promoteLongs: false });
  }

  close(): void {
    this.#socket.destroy();
  }

  async #nextBody(): Promise<Buffer> {
    for (;;) {
      const size = this.#received.length < 4 ? Number.POSITIVE_INFINITY : this.#received.readInt32LE(0);
      if (this.#received.length >= size) {
        const body = this.#received.subarray(PREFIX_BYTES, size);
        this.#received = this.#received.subarray(size);
        return body;
      }
      this.#received = Buffer.concat([this.#received, await this.#nextChunk()]);
    }
  }

  async #nextChunk(): Promise<Buffer> {
    const gone = new AbortController();
    const closed = once(this.#socket, 'close', { signal: gone.signal }).then(() => {
      throw new Error('the server closed the connection');
    });
    try {
      const [chunk] = (await Promise.race([once(this.#socket, 'data', { signal: gone.signal }), closed])) as [Buffer];
      return chunk;
    } finally {
      closed.catch(() => {});
      gone.abort();
    }
  }
}
