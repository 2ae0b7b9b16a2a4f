// The admin HTTP server: listens, bounds its connections, stops. Its answers are in routes.ts.
// It is for people, scrapers and probes on a trusted address; it never sees an application's traffic.
// Invariant: after stop() the port is free and no connection is left.

import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { createRoutes, type RouteOptions } from './routes.ts';

/** Scrapers, probes and a few people; more at once is a mistake or an attack, and descriptors are for applications. */
const MAX_CONNECTIONS = 64;
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 16_384;

export interface AdminOptions extends RouteOptions {
  /** 0 takes a free one. */
  readonly port: number;
}

export interface AdminServer {
  readonly host: string;
  readonly port: number;
  /** Closes the port and every connection. Idempotent. */
  stop(): Promise<void>;
}

async function stopServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

/** Starts listening. Rejects with Node's error (EADDRINUSE, EACCES, …) when that is not possible. */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const server = createAdaptorServer({
    fetch: createRoutes(options).fetch,
    serverOptions: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
  }) as Server;
  server.maxConnections = MAX_CONNECTIONS;
  server.listen({ host: options.host, port: options.port });
  await once(server, 'listening');
  // An error after this (accept failing for want of descriptors) must not end the proxy.
  server.on('error', (error) => options.logger.warn({ error: error.message }, 'admin server failed to accept'));
  const { port } = server.address() as AddressInfo;
  options.logger.info({ host: options.host, port }, 'admin server is listening');
  return { host: options.host, port, stop: () => stopServer(server) };
}
