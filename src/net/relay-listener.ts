// Accepts connections that will be passed on byte for byte. The cap on connections is the caller's.
// Invariant: nothing is read from an accepted socket before its relay has a server.

import { createServer } from 'node:net';
import type { HostPort } from '../options.ts';
import { bindServer, type Listener } from './listener.ts';
import { KEEP_ALIVE_MS, Relay } from './relay.ts';

/** Binds and accepts. Rejects with the system's error (EADDRINUSE, EACCES …). */
export async function listenForRelays(bind: HostPort, onAccept: (relay: Relay) => void): Promise<Listener> {
  const server = createServer(
    {
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    },
    (socket) => onAccept(new Relay(socket)),
  );
  return bindServer(server, bind);
}
