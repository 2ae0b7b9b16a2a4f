// Opens outgoing TLS connections to the servers of one cluster: authority and name checked, a certificate of weir's own shown
// where there is one. It reads no files and does not retry. Invariant: no byte is written before the server was checked, unless
// the configuration spells out which check is left away.

import { isIP, type OnReadOpts } from 'node:net';
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import type { Clock } from '../core/clock.ts';
import type { HostPort, UpstreamTls } from '../options.ts';
import { Attempt } from './attempt.ts';
import { NetSocket, type OnFault } from './byte-socket.ts';
import type { ConnectEvents, Connector } from './connector.ts';
import { ReadMemory } from './read-memory.ts';
import { explainTlsError, explainTlsFailure, NO_TLS_ANSWER } from './tls-failure.ts';
import { TlsReads } from './tls-reads.ts';
import type { TurnFlusher } from './turn-flusher.ts';

export interface TlsConnectorParts {
  readonly tls: UpstreamTls;
  readonly clock: Clock;
  readonly flusher: TurnFlusher;
  readonly onFault: OnFault;
}

export class TlsConnector implements Connector {
  readonly #parts: TlsConnectorParts;
  readonly #context: SecureContext;

  /** @throws Error where the PEM texts do not fit together; the configuration has checked them. */
  constructor(parts: TlsConnectorParts) {
    this.#parts = parts;
    const { ca, certificateKey, certificateKeyPassword } = parts.tls;
    this.#context = createSecureContext({
      ...(ca === null ? {} : { ca }),
      ...(certificateKey === null ? {} : { cert: certificateKey, key: certificateKey }),
      ...(certificateKeyPassword === null ? {} : { passphrase: certificateKeyPassword.reveal() }),
    });
  }

  connect(address: HostPort, timeoutMs: number, events: ConnectEvents): { cancel(): void } {
    const { tls, clock, flusher, onFault } = this.#parts;
    const start = { hasCertificate: tls.certificateKey !== null, hasAnswered: false, isReached: false };
    const memory = new ReadMemory();
    let reads: TlsReads | null = null;
    // Documented for tls.connect since Node 12, and absent from its types.
    const options: ConnectionOptions & { onread: OnReadOpts } = {
      host: address.host,
      port: address.port,
      // Server names are for names: RFC 6066 leaves addresses out.
      servername: isIP(address.host) === 0 ? address.host : '',
      secureContext: this.#context,
      rejectUnauthorized: !tls.allowInvalidCertificates,
      ...(tls.allowInvalidHostnames ? { checkServerIdentity: () => undefined } : {}),
      onread: {
        buffer: () => memory.current,
        callback: (bytes) => {
          reads?.receive(memory.take(bytes));
          return true;
        },
      },
    };
    const socket = connect(options);
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    // Said as soon as keys are agreed; the keys themselves are nobody's business.
    socket.once('keylog', () => {
      start.hasAnswered = true;
    });
    socket.once('connect', () => {
      start.isReached = true;
    });
    const attempt = new Attempt(socket, explaining(events, start), clock, timeoutMs);
    socket.once('secureConnect', () => {
      const problem = this.#nameProblem(socket, address.host);
      if (problem !== null) return attempt.fail(explainTlsFailure(problem, start));
      attempt.connected(() => {
        const opened = new NetSocket(socket, flusher, onFault, (error) => explainTlsError(error, start));
        reads = new TlsReads(socket, opened, clock);
        return opened;
      });
    });
    // Stays attached: an error after a cancel must not become an uncaught one.
    socket.on('error', (error: NodeJS.ErrnoException) => attempt.fail(explainTlsFailure(error, start)));
    return attempt;
  }

  /** Node leaves the name alone together with the authority; the two options say one thing each. */
  #nameProblem(socket: TLSSocket, host: string): NodeJS.ErrnoException | null {
    const { allowInvalidCertificates, allowInvalidHostnames } = this.#parts.tls;
    if (!allowInvalidCertificates || allowInvalidHostnames) return null;
    return checkServerIdentity(host, socket.getPeerCertificate()) ?? null;
  }
}

/** A host that is reached and then says nothing is another matter than one that is not. */
function explaining(events: ConnectEvents, start: { readonly isReached: boolean }): ConnectEvents {
  return {
    onConnected: (socket) => events.onConnected(socket),
    onFailed: (reason) => events.onFailed(reason === 'connect_timeout' && start.isReached ? NO_TLS_ANSWER : reason),
  };
}
