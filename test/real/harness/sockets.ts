// Counts connections at the server's own port, as the kernel sees them, and keeps the peak.
// Linux only (/proc/net/tcp); invariant: the peak counts sockets that were established at one moment, never a sum over time.
import { readFileSync } from 'node:fs';

const ESTABLISHED = '01';
const SAMPLE_MS = 10;

/**
 * Connections accepted at 127.0.0.1:port that are established now. The file is read in pieces while other sockets come
 * and go, so the kernel may list one twice: peers are counted, not lines.
 */
export function acceptedConnections(port: number): number {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const peers = new Set<string>();
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local, remote, state] = line.trim().split(/\s+/);
    if (state === ESTABLISHED && remote !== undefined && local?.endsWith(`:${wanted}`) === true) peers.add(remote);
  }
  return peers.size;
}

export class ConnectionPeak {
  #peak = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(port: number) {
    const look = (): void => {
      this.#peak = Math.max(this.#peak, acceptedConnections(port));
    };
    look();
    this.#timer = setInterval(look, SAMPLE_MS);
  }

  /** Ends the sampling; the most connections seen at once. */
  stop(): number {
    clearInterval(this.#timer);
    return this.#peak;
  }
}
