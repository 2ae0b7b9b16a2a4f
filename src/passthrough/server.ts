// One listener of mode passthrough: accepts up to the cap, gives each client a connection to the server, lets a
// conversation read along, keeps the set of connections, drains and stops them. It reads no bytes itself.
// Invariants: reading never ends or holds up a connection; beyond the cap a connection is held a while, closed, counted.

import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Operation } from '../core/operation.ts';
import { Seldom } from '../core/seldom.ts';
import { Tally } from '../core/tally.ts';
import type { Attribution } from '../filters/attribution.ts';
import type { Listener } from '../net/listener.ts';
import { OverLimit } from '../net/over-limit.ts';
import type { Relay, RelayEnd } from '../net/relay.ts';
import { listenForRelays } from '../net/relay-listener.ts';
import type { HostPort } from '../options.ts';
import type { Recorder } from '../recording/recorder.ts';
import type { Conversation, SniffEnd, SniffedConnection, SnifferParts } from '../sniff/conversation.ts';
import { PassthroughConnection } from './connection.ts';
import type { Target } from './target.ts';
import { type Departure, ownAddress, WayRound } from './way-round.ts';

/** What opens conversations; sniff/sniffer.ts has it. */
export interface ConversationOpener {
  open(connection: SniffedConnection): Conversation;
}

export interface PassthroughParts {
  readonly name: string;
  readonly bind: HostPort;
  readonly maxConnections: number;
  /** Null: silent connections stay. */
  readonly idleTimeoutMs: number | null;
  readonly target: Target;
  readonly attribution: Attribution;
  readonly decodeErrors: Tally<string>;
  readonly makeSniffer: (parts: SnifferParts) => ConversationOpener;
  /** Ids of connections, where several listeners share them; absent: its own. */
  readonly nextId?: () => number;
  /** Sees every connection's bytes while somebody records. */
  readonly recorder?: Recorder;
  readonly clock: Clock;
  readonly logger: Logger;
}

const DRAIN_POLL_MS = 50;

/** What to do about first bytes that cannot be read. */
const ADVICE: Readonly<Record<'tls' | 'http', string>> = {
  tls: 'clients speak TLS: it passes, and cannot be read here; to see operations let TLS end in front of weir and begin again behind it',
  http: 'something speaks HTTP to this port: it is passed on, but this is a MongoDB port; metrics are on the admin address',
};

export class PassthroughServer {
  readonly connections: Set<PassthroughConnection> = new Set();
  readonly accepted: Tally<'served' | 'over_limit'> = new Tally();
  readonly closed: Tally<RelayEnd> = new Tally();
  /** Conversations that are no longer read while their connections go on. */
  readonly sniffingEnded: Tally<SniffEnd> = new Tally();
  readonly #parts: PassthroughParts;
  readonly #sniffer: ConversationOpener;
  readonly #overLimit: OverLimit;
  /** By the id that operations carry as their client's. */
  readonly #byConversation: Map<number, PassthroughConnection> = new Map();
  readonly #wayRound: WayRound = new WayRound();
  readonly #ownAddresses: WeakMap<SniffedConnection, readonly string[]> = new WeakMap();
  readonly #advised: Set<'tls' | 'http'> = new Set();
  readonly #seldomUnreachable: Seldom = new Seldom();
  readonly #seldomFault: Seldom = new Seldom();
  #listener: Listener | null = null;
  #lastId = 0;
  #isDraining = false;
  #hasWarnedOfWayRound = false;

  constructor(parts: PassthroughParts) {
    this.#parts = parts;
    this.#overLimit = new OverLimit(parts.clock);
    parts.target.addCapacity(parts.maxConnections);
    this.#sniffer = parts.makeSniffer({
      attribution: parts.attribution,
      decodeErrors: parts.decodeErrors,
      ended: this.sniffingEnded,
      admits: (operation) => this.#onAsked(operation),
      events: {
        onHello: (connection, reply) =>
          this.#wayRound.onHello(connection, reply, this.#ownAddresses.get(connection) ?? [], parts.clock.nowMs()),
        onBlind: (_conversation, reason, error) => this.#onBlind(reason, error),
      },
    });
  }

  get name(): string {
    return this.#parts.name;
  }

  /** Drivers were seen to leave for the hosts which the server named. */
  get isLeft(): boolean {
    return this.#wayRound.isTaken;
  }

  /** Binds; rejects with the system's error. */
  async start(): Promise<HostPort> {
    this.#listener = await listenForRelays(this.#parts.bind, (relay) => this.#accept(relay));
    return this.#listener.address;
  }

  #accept(relay: Relay): void {
    if (this.connections.size >= this.#parts.maxConnections || this.#isDraining) {
      this.accepted.add('over_limit');
      this.#overLimit.turnAway(relay);
      return;
    }
    this.accepted.add('served');
    const { name, target, clock, idleTimeoutMs, recorder = null } = this.#parts;
    const description = {
      listener: name,
      address: relay.remoteAddress,
      port: relay.remotePort,
      server: target.endpoint,
    };
    const conversation = this.#openConversation(description, relay);
    const connection = new PassthroughConnection({
      id: this.#parts.nextId?.() ?? ++this.#lastId,
      description,
      relay,
      target,
      conversation,
      recorder,
      clock,
      idleTimeoutMs,
      events: {
        onClosed: (gone, end, detail) => this.#onClosed(gone, end, detail),
        onSniffingFault: (error) => this.#onFault(error),
      },
    });
    this.connections.add(connection);
    if (conversation !== null) this.#byConversation.set(conversation.id, connection);
    connection.open();
  }

  /** An operation begins. All are counted. */
  #onAsked({ client, command }: Operation): true {
    const connection = this.#byConversation.get(client.id);
    connection?.onAsked(command.name);
    const conversation = connection?.conversation ?? null;
    if (conversation !== null) this.#wayRound.onOperation(command.name, conversation);
    return true;
  }

  #openConversation(description: SniffedConnection, relay: Relay): Conversation | null {
    const port = relay.localPort;
    const hosts = [this.#parts.bind.host, relay.localAddress];
    this.#ownAddresses.set(
      description,
      hosts.map((host) => ownAddress(host, port)),
    );
    try {
      return this.#sniffer.open(description);
    } catch (error) {
      this.#onFault(error);
      return null;
    }
  }

  #onClosed(connection: PassthroughConnection, end: RelayEnd, detail: string): void {
    const { clock, logger, name, target } = this.#parts;
    this.connections.delete(connection);
    this.closed.add(end);
    if ((end === 'connect_failed' || end === 'connect_timeout') && this.#seldomUnreachable.isDue(clock.nowMs())) {
      const fields = { listener: name, endpoint: target.endpoint, reason: detail === '' ? end : detail };
      logger.warn(fields, 'the server cannot be reached, clients that come are closed');
    }
    const { conversation } = connection;
    this.#byConversation.delete(connection.conversationId);
    if (conversation === null) {
      this.#wayRound.forget(connection.description);
      return;
    }
    const departure = this.#wayRound.onClosed(conversation, end === 'client_closed', clock.nowMs());
    if (departure !== null) this.#warnOfWayRound(departure);
  }

  #warnOfWayRound({ app, driver, hosts }: Departure): void {
    if (this.#hasWarnedOfWayRound) return;
    this.#hasWarnedOfWayRound = true;
    this.#parts.logger.warn(
      { listener: this.name, app, driver, hosts },
      'a driver left weir after its hello: the server is a replica set member that names other addresses, and drivers follow them; put directConnection=true into the connection string, or give each member a listener under its own name, or use mode pool',
    );
  }

  #onBlind(reason: SniffEnd, error: unknown): void {
    if (reason === 'internal_error') this.#logFault(error);
    if ((reason !== 'tls' && reason !== 'http') || this.#advised.has(reason)) return;
    this.#advised.add(reason);
    this.#parts.logger.warn({ listener: this.name }, ADVICE[reason]);
  }

  #onFault(error: unknown): void {
    this.sniffingEnded.add('internal_error');
    this.#logFault(error);
  }

  #logFault(error: unknown): void {
    if (!this.#seldomFault.isDue(this.#parts.clock.nowMs())) return;
    const stack = error instanceof Error ? error.stack : String(error);
    this.#parts.logger.error(
      { listener: this.name, stack },
      'a mistake of weir itself ended the reading of a connection, which goes on; please report it',
    );
  }

  /** Stops accepting, closes connections as their operations end, the rest at the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    this.#isDraining = true;
    void this.#listener?.stop();
    while (this.connections.size > 0 && this.#parts.clock.nowMs() < deadlineMs) {
      for (const connection of this.connections) connection.drain();
      if (this.connections.size > 0) await this.#pause();
    }
    for (const connection of this.connections) connection.destroy('drain_deadline');
  }

  /** Ends what drain() left. */
  stop(): void {
    for (const connection of this.connections) connection.destroy('stopped');
    this.#overLimit.stop();
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#parts.clock.setTimer(DRAIN_POLL_MS, resolve);
    });
  }
}
