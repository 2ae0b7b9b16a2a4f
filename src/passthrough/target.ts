// The one server that pass-through listeners of a cluster go to: whether it can be reached, and how many connections
// it has from here. It opens no connection of its own but a probe that says nothing, and that only until one worked.
// Invariant: connections are counted once, by whoever opened them (connection.ts).

import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { Seldom } from '../core/seldom.ts';
import type { PoolSnapshot } from '../core/snapshots.ts';
import { Tally } from '../core/tally.ts';
import type { Connector } from '../net/connector.ts';
import type { RelayEnd } from '../net/relay.ts';
import type { ClusterOptions, HostPort } from '../options.ts';

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const PROBE_AGAIN_MS = 10_000;

export interface TargetParts {
  /** Its only seed is the server. */
  readonly options: ClusterOptions;
  readonly connector: Connector;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Target {
  readonly cluster: string;
  readonly address: HostPort;
  /** `host:port`. */
  readonly endpoint: string;
  readonly connectTimeoutMs: number;
  /** Open connections, and those being opened. */
  connected = 0;
  connecting = 0;
  readonly #closed: Tally<RelayEnd> = new Tally();
  readonly #parts: TargetParts;
  #connects = 0;
  #capacity = 0;
  #state: 'unknown' | 'up' | 'down' = 'unknown';
  readonly #seldom: Seldom = new Seldom();
  /** The last line in the log says that it is not reachable. */
  #isWarned = false;
  #probe: { cancel(): void } | null = null;
  #timer: Timer | null = null;

  constructor(parts: TargetParts) {
    const [address] = parts.options.seeds;
    if (address === undefined) throw new Error(`cluster ${parts.options.name} has no host`);
    this.#parts = parts;
    this.cluster = parts.options.name;
    this.address = address;
    this.endpoint = `${address.host}:${address.port}`;
    this.connectTimeoutMs = parts.options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  /** A listener with so many connections at most goes here. */
  addCapacity(connections: number): void {
    this.#capacity += connections;
  }

  /** Probes once; while it is down, again and again. */
  start(): void {
    // Clients may fail, and ask for the next probe, while one is still under way.
    if (this.#probe !== null) return;
    this.#probe = this.#parts.connector.connect(this.address, this.connectTimeoutMs, {
      onConnected: (socket) => {
        this.#probe = null;
        socket.destroy('probed');
        this.#onReached();
      },
      onFailed: (reason) => {
        this.#probe = null;
        this.onUnreachable(reason);
      },
    });
  }

  stop(): void {
    this.#probe?.cancel();
    this.#probe = null;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** A connection of a client stands. */
  onOpened(): void {
    this.#connects++;
    this.connected++;
    this.#onReached();
  }

  /** A connection that stood is over. */
  onClosed(end: RelayEnd): void {
    this.connected--;
    this.#closed.add(end);
  }

  /** A connection could not be opened: asked again soon, so that readiness does not wait for the next client. */
  onUnreachable(reason: string): void {
    const { logger, clock } = this.#parts;
    const fields = { cluster: this.cluster, endpoint: this.endpoint, reason };
    this.#state = 'down';
    // It may come and go with every client.
    if (this.#isWarned || !this.#seldom.isDue(clock.nowMs())) logger.debug(fields, 'upstream is not reachable');
    else {
      this.#isWarned = true;
      logger.warn(fields, 'upstream is not reachable');
    }
    this.#timer ??= clock.setTimer(PROBE_AGAIN_MS, () => {
      this.#timer = null;
      this.start();
    });
  }

  #onReached(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const isNews = this.#isWarned || this.#state === 'unknown';
    this.#state = 'up';
    if (!isNews) return;
    this.#isWarned = false;
    this.#parts.logger.info({ cluster: this.cluster, endpoint: this.endpoint }, 'upstream is up');
  }

  snapshot(): PoolSnapshot {
    return {
      cluster: this.cluster,
      endpoint: this.endpoint,
      lane: 'passthrough',
      state: this.#state,
      maxConnections: this.#capacity,
      idle: 0,
      busy: this.connected,
      connecting: this.connecting,
      waiters: 0,
      longestWaitMs: 0,
      checkouts: 0,
      waits: null,
      connects: this.#connects,
      closed: Object.fromEntries(this.#closed.counts),
    };
  }
}
