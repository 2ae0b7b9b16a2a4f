// A capture without the right to capture: a relay in front of a port that writes the packets of what it passes on.
// Its packets are made up, their bytes and order are not. Invariant: bytes are noted before they are passed on.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { pcapFile, recordsOf } from '../../support/capture-writer.ts';
import { ScriptedConnection } from '../../support/tcp-script.ts';

/** Below what an IPv4 packet can hold. */
const SEGMENT_BYTES = 32_768;
const HOST = '127.0.0.1';

/** Milliseconds since 1970 that never go back. */
const nowMs = (): number => performance.timeOrigin + performance.now();

export class RelayCapture {
  readonly #target: number;
  readonly #server: Server;
  readonly #connections: ScriptedConnection[] = [];
  readonly #sockets = new Set<Socket>();

  constructor(targetPort: number) {
    this.#target = targetPort;
    this.#server = createServer({ noDelay: true }, (client) => this.#relay(client));
  }

  /** Begins to listen; resolves with the port that is to be used instead of the target's. */
  async start(): Promise<number> {
    this.#server.listen(0, HOST);
    await once(this.#server, 'listening');
    return this.#port;
  }

  /** Ends what is still connected and writes the file. */
  async stop(file: string): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    const packets = this.#connections.flatMap((connection) => connection.packets);
    // Stable: packets of one connection keep their order.
    packets.sort((a, b) => a.timeMs - b.timeMs);
    await writeFile(file, pcapFile(recordsOf(packets)));
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #relay(client: Socket): void {
    const connection = new ScriptedConnection({
      clientHost: HOST,
      serverHost: HOST,
      clientPort: client.remotePort ?? 0,
      serverPort: this.#port,
      segmentBytes: SEGMENT_BYTES,
    });
    this.#connections.push(connection.open(nowMs()));
    const server = connect({ port: this.#target, host: HOST, noDelay: true });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (chunk) => {
        connection.send(from === client, chunk, nowMs());
        to.write(chunk);
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
    client.once('close', () => connection.close(nowMs()));
  }
}
