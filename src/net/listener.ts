// Accepts TCP connections and hands them on as ByteSockets. The cap on connections is the caller's (downstream/server.ts).
// Invariant: an accepted socket always has an error handler before any await or return to the event loop.

import { createServer, type Server } from 'node:net';
import type { HostPort } from '../options.ts';
import { type ByteSocket, NetSocket, type OnFault } from './byte-socket.ts';
import type { TurnFlusher } from './turn-flusher.ts';

export interface Listener {
  readonly address: HostPort;
  /** Stops accepting; connections that were handed on are the caller's. */
  stop(): Promise<void>;
}

/** Binds and accepts. Rejects with the system's error (EADDRINUSE, EACCES …). */
export async function listen(
  bind: HostPort,
  flusher: TurnFlusher,
  onFault: OnFault,
  onAccept: (socket: ByteSocket) => void,
): Promise<Listener> {
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    socket.on('error', () => {});
    onAccept(new NetSocket(socket, flusher, onFault));
  });
  return bindServer(server, bind);
}

/** Makes a server listen. Rejects with the system's error. */
export async function bindServer(server: Server, bind: HostPort): Promise<Listener> {
  await startListening(server, bind);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : bind.port;
  return {
    address: { host: bind.host, port },
    stop: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

async function startListening(server: Server, bind: HostPort): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: bind.host, port: bind.port, backlog: 4096 }, () => {
      server.removeListener('error', reject);
      server.on('error', () => {});
      resolve();
    });
  });
}
