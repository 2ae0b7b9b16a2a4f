// Counts connections at the server's own port, as the kernel sees them, and keeps the peak.
// Linux only (/proc/net/tcp); invariant: the peak counts sockets that were established at one moment, never a sum over time.
import { readFileSync } from 'node:fs';

const ESTABLISHED = '01';
const SAMPLE_MS = 10;

/** Connections accepted at 127.0.0.1:port that are established now. */
export function acceptedConnections(port: number): number {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  let count = 0;
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local, , state] = line.trim().split(/\s+/);
    if (state === ESTABLISHED && local?.endsWith(`:${wanted}`) === true) count += 1;
  }
  return count;
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
