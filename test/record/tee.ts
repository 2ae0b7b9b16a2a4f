// A relay in front of a real server that lets weir's own recorder see both directions: what a fixture is made with.
// It changes nothing and is for recording on this machine only. Invariant: bytes are recorded before they are passed on.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../src/core/clock.ts';
import { RECORDING_LIMITS, Recorder } from '../../src/recording/recorder.ts';
import type { Tappable } from '../../src/recording/tap.ts';

export class Tee {
  readonly #server: Server;
  readonly #recorder: Recorder = new Recorder(systemClock, 'tee');
  readonly #sockets: Set<Socket> = new Set();
  readonly #serverPort: number;
  #text = '';

  constructor(serverPort: number) {
    this.#serverPort = serverPort;
    this.#server = createServer((client) => this.#relay(client));
  }

  /** Begins to listen and to record; resolves with the port. */
  async start(): Promise<number> {
    const options = { ...RECORDING_LIMITS, client: null, keepsValues: false };
    this.#recorder.start(options, {
      write: (text) => {
        this.#text += text;
        return true;
      },
      finish: () => undefined,
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends everything; the recorder's text, its header included. */
  async stop(): Promise<string> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#sockets.size > 0) await once(this.#server, 'close');
    this.#recorder.stop();
    return this.#text;
  }

  #relay(client: Socket): void {
    const server = connect(this.#serverPort, '127.0.0.1');
    const tappable: Tappable = { listener: 'main', remoteAddress: '127.0.0.1', remotePort: client.remotePort ?? 0 };
    this.#recorder.opened(tappable);
    client.on('data', (chunk) => {
      this.#recorder.tap(tappable)?.fromClient(chunk);
      server.write(chunk);
    });
    server.on('data', (chunk) => {
      this.#recorder.tap(tappable)?.fromServer(chunk);
      client.write(chunk);
    });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('end', () => other.end());
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
        this.#recorder.closed(tappable, 'closed');
      });
    }
  }
}
