// The sandbox's port and its open connections. It reads no message; connection.ts does.
// Invariant: every socket has an error handler from its first moment, and a connection that closed is forgotten.

import type { Server, Socket } from 'node:net';
import { type ConnectionHost, SandboxConnection } from './connection.ts';

/** Listens and returns the port. Rejects with the system's error. */
export async function bindServer(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 1024 }, () => {
      server.removeListener('error', reject);
      server.on('error', () => {});
      resolve();
    });
  });
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}

/** Closes the port and every connection; does nothing the second time. */
export async function stopServer(server: Server, sockets: SocketTable): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    sockets.kill();
  });
}

/** The open connections, their numbers and the freeze. */
export class SocketTable {
  readonly #connections = new Map<Socket, SandboxConnection>();
  #host: ConnectionHost | null = null;
  #accepted = 0;
  #peak = 0;
  #replyId = 0;
  #isFrozen = false;

  get size(): number {
    return this.#connections.size;
  }

  /** Sockets that came before this are dropped: nothing could serve them. */
  open(host: Omit<ConnectionHost, 'isFrozen' | 'nextReplyId'>): void {
    const nextReplyId = (): number => {
      this.#replyId = (this.#replyId + 1) & 0x7fffffff;
      return this.#replyId;
    };
    this.#host = { ...host, isFrozen: () => this.#isFrozen, nextReplyId };
  }

  accept(socket: Socket): void {
    socket.on('error', () => {});
    if (this.#host === null) {
      socket.destroy();
      return;
    }
    this.#accepted += 1;
    const remote = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;
    const connection = new SandboxConnection(socket, { connectionId: this.#accepted, remote }, this.#host);
    this.#connections.set(socket, connection);
    this.#peak = Math.max(this.#peak, this.#connections.size);
    socket.on('close', () => {
      connection.destroy();
      this.#connections.delete(socket);
    });
  }

  stats(): { connections: number; peakConnections: number; accepted: number } {
    return { connections: this.#connections.size, peakConnections: this.#peak, accepted: this.#accepted };
  }

  kill(): number {
    const open = [...this.#connections.values()];
    for (const connection of open) connection.destroy();
    return open.length;
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const connection of [...this.#connections.values()]) connection.thaw();
  }
}
