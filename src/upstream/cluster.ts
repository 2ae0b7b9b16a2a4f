// One MongoDB deployment as the router sees it: who takes operations, who holds which cursor, and where the rest waits.
// It decides nothing about single operations. Invariants: each member sees at most maxConnections + awaitConnections + 1 (its
// monitor's) connections from here; in all that is one such pool for the primary, or for each mongos, and what pinned exchanges
// need of former primaries; every submitted exchange ends exactly once, wherever it waits.

import type { CompressionCounts } from '../core/compression-counts.ts';
import type { Lane, MemberSnapshot, PoolSnapshot, UpstreamLogin } from '../core/snapshots.ts';
import type { SrvAnswer } from '../net/srv-resolver.ts';
import type { ClusterOptions, Credential } from '../options.ts';
import { pickMembers, poolRows, readFacts } from './cluster-view.ts';
import { askedOf } from './compression.ts';
import { Endpoint, type EndpointHost } from './endpoint.ts';
import { type EndpointKey, type Exchange, refuse } from './exchange.ts';
import { encodeFirstHello, type Handshake } from './handshake.ts';
import { Lobby } from './lobby.ts';
import { Login } from './login/login.ts';
import type { Member } from './member.ts';
import { MemberLog } from './member-log.ts';
import { Membership, type MembershipEvents, type MembershipParts } from './membership.ts';
import type { PerishReason } from './perish.ts';
import type { ServerDescription } from './server-description.ts';
import { MAX_MEMBERS } from './topology.ts';

const LANES: readonly Lane[] = ['ordinary', 'await'];
/** SDAM's default. */
const LOCAL_THRESHOLD_MS = 15;
/** A lost connection is no loss of the member yet: the second attempt in a row tells. */
const LOST_AFTER_FAILURES = 2;

/** Upward calls; set by who wires the parts (wiring/pool-side.ts). */
export interface ClusterEvents {
  /** The first usable server answered. */
  onFirstContact(): void;
  /** Another server process answers there now: cursors and transactions of the old one are gone. */
  onProcessChanged(endpoint: EndpointKey): void;
  /** It is no member any more, or has been silent for long while others serve: what it had open is out of reach. */
  onMemberGone(endpoint: EndpointKey): void;
  openTransactions(): number;
  onDecodeError(reason: string): void;
}

export interface ClusterParts extends Omit<MembershipParts, 'events'> {
  /** Counts what is compressed towards the servers. */
  readonly compressionCounts: CompressionCounts;
  readonly events: ClusterEvents;
}

export class Cluster implements EndpointHost, MembershipEvents {
  readonly name: string;
  readonly options: ClusterOptions;
  readonly #parts: ClusterParts;
  readonly #membership: Membership;
  readonly #lobby: Lobby;
  /** Those that carry operations, or did; what they counted outlives their membership. */
  readonly #endpoints: Map<EndpointKey, Endpoint> = new Map();
  /** Those that new operations go to: the primary, or the mongos near enough. */
  #chosen: readonly Endpoint[] = [];
  #login: Login;
  #server: ServerDescription | null = null;
  readonly #log: MemberLog;
  #isPaused = false;

  constructor(parts: ClusterParts) {
    this.name = parts.options.name;
    this.options = parts.options;
    this.#parts = parts;
    this.#log = new MemberLog(this.name, parts.logger);
    this.#login = this.#makeLogin(parts.options.credential ?? null);
    this.#lobby = new Lobby(parts.clock, parts.options.pool.maxWaiters, parts.options.pool.weights);
    this.#membership = new Membership({ ...parts, events: this });
  }

  /**
   * What clients are told of the servers: of the one that takes writes, with the least that any live member can do.
   * Null before the first contact; stays while nobody is reachable.
   */
  get server(): ServerDescription | null {
    return this.#server;
  }

  get isUp(): boolean {
    return this.#chosen.length > 0;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get setName(): string | null {
    return this.options.replicaSet;
  }

  get login(): UpstreamLogin {
    return this.#login.state([...this.#endpoints.values()].some(({ established }) => established > 0));
  }

  get upstreamConnections(): number {
    let total = this.#membership.connections;
    for (const endpoint of this.#endpoints.values()) total += endpoint.established;
    return total;
  }

  /** Connections of all lanes of all members that died of this reason. */
  closedFor(reason: PerishReason): number {
    let total = 0;
    for (const endpoint of this.#endpoints.values()) total += endpoint.closedFor(reason);
    return total;
  }

  start(): void {
    this.#membership.start();
  }

  stop(): void {
    this.#membership.stop();
    this.#lobby.close();
    for (const endpoint of this.#endpoints.values()) endpoint.stop();
  }

  // --- operations -------------------------------------------------------------------------------------------------

  /** To the member it is pinned to, else to one that takes operations, else it waits until there is one. */
  submit(lane: Lane, exchange: Exchange): void {
    const { pin } = exchange;
    if (pin === null) {
      this.#place(lane, exchange);
    } else if (this.isLost(pin)) {
      refuse(exchange, 'unreachable');
    } else {
      this.#endpoints.get(pin)?.submit(lane, exchange);
    }
  }

  /** See Pool.cancel. */
  cancel(lane: Lane, exchange: Exchange): boolean {
    const endpoint = this.#endpointOf(exchange);
    return endpoint === null ? this.#lobby.cancel(lane, exchange) : endpoint.cancel(lane, exchange);
  }

  /** See Pool.abandon. */
  abandon(lane: Lane, exchange: Exchange): void {
    this.#endpointOf(exchange)?.abandon(lane, exchange);
  }

  /** See Endpoint.cutOff. */
  cutOff(lane: Lane, exchange: Exchange): boolean {
    return this.#endpointOf(exchange)?.cutOff(lane, exchange) ?? false;
  }

  /** What lives at this member cannot be reached: it is none any more, or does not answer while others serve. */
  isLost(key: EndpointKey): boolean {
    const endpoint = this.#endpoints.get(key);
    if (endpoint === undefined || endpoint.isGone) return true;
    if (endpoint.isReachable || !this.isUp) return false;
    const failures = this.#membership.topology.member(key)?.failures ?? LOST_AFTER_FAILURES;
    return failures >= LOST_AFTER_FAILURES;
  }

  /**
   * Where the next request of a transaction goes that was begun at this member. A replica set keeps a transaction's outcome
   * in the set, and its statements end with its primary: anywhere writable is right when that member is not. A mongos keeps
   * both to itself, but commit and abort carry a token by which another can find the outcome.
   */
  transactionPin(key: EndpointKey, isEnding: boolean): EndpointKey | null {
    const isUsable = this.#endpoints.get(key)?.isUsable === true;
    const isKept = this.#membership.topology.kind === 'sharded' && !isEnding;
    return isUsable || isKept ? key : null;
  }

  /** The number of open transactions fell: the reserved connection may serve ordinary work again. */
  onTransactionClosed(): void {
    for (const endpoint of this.#endpoints.values()) endpoint.pumpOrdinary();
  }

  /** A reply of this member says that its state has changed. It takes no new work until it was asked. */
  onTrouble(key: EndpointKey | null): void {
    if (key !== null) this.#membership.doubt(key, 'it said that it is not the primary any more, or is shutting down');
  }

  #place(lane: Lane, exchange: Exchange, nowMs?: number): void {
    const endpoint = this.#choose();
    if (endpoint === null) this.#lobby.enter(lane, exchange);
    else endpoint.submit(lane, exchange, nowMs);
  }

  /** The least busy of those near enough. */
  #choose(): Endpoint | null {
    const [first] = this.#chosen;
    if (first === undefined || this.#chosen.length === 1) return first ?? null;
    return this.#chosen.reduce((best, endpoint) => (endpoint.load < best.load ? endpoint : best), first);
  }

  #endpointOf({ endpoint }: Exchange): Endpoint | null {
    return endpoint === null ? null : (this.#endpoints.get(endpoint) ?? null);
  }

  // --- verbs ------------------------------------------------------------------------------------------------------

  /** Operations are held: nobody gets a connection, and those who wait keep their deadlines. */
  pause(): void {
    this.#isPaused = true;
    for (const endpoint of this.#endpoints.values()) endpoint.pause();
  }

  resume(): void {
    this.#isPaused = false;
    for (const endpoint of this.#endpoints.values()) endpoint.resume();
  }

  /** Renews the connections: idle ones end now, busy ones after their exchange. */
  reconnect(): void {
    for (const endpoint of this.#endpoints.values()) endpoint.recycle();
  }

  // --- what the members' monitors tell ----------------------------------------------------------------------------

  onAnswer(member: Member, server: ServerDescription): void {
    const endpoint = this.#endpoints.get(member.key);
    this.#log.answers(member, true, server.type);
    if (endpoint === undefined) return;
    endpoint.isReachable = true;
    endpoint.learn(server);
    endpoint.noteWritable(server.isWritable);
    endpoint.pump();
  }

  onDown(member: Member, reason: string): void {
    const endpoint = this.#endpoints.get(member.key);
    if (endpoint !== undefined) endpoint.isReachable = false;
    this.#log.answers(member, false, reason);
  }

  onSilent(member: Member): void {
    const endpoint = this.#endpoints.get(member.key);
    if (endpoint === undefined) return;
    // Down first: nobody is to dial a silent server.
    endpoint.isReachable = false;
    endpoint.destroyAll('endpoint_silent');
    if (this.#chosen.some((other) => other !== endpoint)) this.#parts.events.onMemberGone(member.key);
  }

  onUsable(member: Member): void {
    const endpoint = this.#endpoints.get(member.key) ?? this.#makeEndpoint(member);
    endpoint.isGone = false;
    endpoint.isReachable = true;
    endpoint.isUsable = true;
    if (member.server !== null) endpoint.learn(member.server);
    this.#log.usable(member);
    // What it is to keep open in any case is opened now, not with the first operation.
    endpoint.pump();
  }

  onUnusable(member: Member, reason: string): void {
    const endpoint = this.#endpoints.get(member.key);
    if (endpoint === undefined) return;
    endpoint.isUsable = false;
    // It was asked, and said so; one that is merely unknown may be what it was.
    if (member.server !== null) endpoint.clear('endpoint_changed');
    this.#rechoose();
    for (const lane of LANES) this.#moveOn(lane, endpoint.evict(lane));
    this.#log.unusable(member, reason, !this.isUp);
  }

  onRemoved(member: Member, reason: string): void {
    this.#log.removed(member, reason);
    const endpoint = this.#endpoints.get(member.key);
    if (endpoint === undefined) return;
    endpoint.isGone = true;
    endpoint.isReachable = false;
    // Nobody monitors it any more, so nothing may be left waiting for its answer.
    endpoint.destroyAll('endpoint_changed');
    this.#parts.events.onMemberGone(member.key);
  }

  onSettled(): void {
    this.#rechoose();
    this.#refreshFacts();
    if (this.#chosen.length > 0) for (const lane of LANES) this.#moveOn(lane, this.#lobby.evict(lane));
    // Whoever is pinned to a lost member fares no worse for having waited there: see submit().
    for (const [key, endpoint] of this.#endpoints) {
      if (!endpoint.isUsable && this.isLost(key)) endpoint.refuseWaiting();
    }
  }

  onSrvAnswer({ authSource }: SrvAnswer): void {
    const { credential = null, srv } = this.options;
    if (authSource === null || credential === null || credential.mechanism === 'MONGODB-X509') return;
    if (srv?.isAuthSourceGiven !== true && credential.source !== authSource) {
      this.#login = this.#makeLogin({ ...credential, source: authSource });
    }
  }

  #moveOn(lane: Lane, exchanges: readonly Exchange[]): void {
    const nowMs = this.#parts.clock.nowMs();
    for (const exchange of exchanges) this.#place(lane, exchange, nowMs);
  }

  #rechoose(): void {
    const { topology } = this.#membership;
    const near = pickMembers(topology.usable, this.options.localThresholdMs ?? LOCAL_THRESHOLD_MS);
    this.#chosen = near.flatMap(({ key }) => this.#endpoints.get(key) ?? []);
  }

  #refreshFacts(): void {
    const { topology } = this.#membership;
    const [writable] = topology.usable;
    if (writable?.server == null) return;
    const isFirst = this.#server === null;
    this.#server = readFacts(writable.server, topology.dataBearing);
    if (isFirst) this.#parts.events.onFirstContact();
  }

  // --- for its endpoints ------------------------------------------------------------------------------------------

  makeHandshake(): Handshake {
    const { identity, compressionCounts: counts } = this.#parts;
    const compressors = askedOf({ compressors: this.options.compressors ?? [], counts });
    return this.#login.begin((requestId, login) =>
      encodeFirstHello(identity, 'pool', requestId, { compressors, login }),
    );
  }

  openTransactions(): number {
    return this.#parts.events.openTransactions();
  }

  onProcessChanged({ key }: Endpoint): void {
    this.#parts.events.onProcessChanged(key);
  }

  onEndpointTrouble({ key }: Endpoint): void {
    this.#membership.checkSoon(key);
  }

  onDecodeError(reason: string): void {
    this.#parts.events.onDecodeError(reason);
  }

  #makeLogin(credential: Credential | null): Login {
    return new Login({ cluster: this.name, credential, logger: this.#parts.logger });
  }

  #makeEndpoint({ key, address }: Member): Endpoint {
    const endpoint = new Endpoint({ ...this.#parts, key, address, host: this });
    if (this.#isPaused) endpoint.pause();
    if (this.#endpoints.size >= 2 * MAX_MEMBERS) this.#dropGone();
    this.#endpoints.set(key, endpoint);
    return endpoint;
  }

  #dropGone(): void {
    for (const [key, endpoint] of this.#endpoints) {
      if (!endpoint.isGone) continue;
      endpoint.stop();
      this.#endpoints.delete(key);
      return;
    }
  }

  // --- for people -------------------------------------------------------------------------------------------------

  members(): readonly MemberSnapshot[] {
    const nowMs = this.#parts.clock.nowMs();
    const chosen = new Set(this.#chosen.map(({ key }) => key));
    const loginError = this.#login.lastError;
    return this.#membership.topology.members.map((member) => {
      const row = member.snapshot(chosen.has(member.key), nowMs);
      // The monitor never logs in: a server that answers may still refuse weir's user.
      return row.lastError === null && loginError !== null ? { ...row, lastError: loginError } : row;
    });
  }

  snapshot(): PoolSnapshot[] {
    return poolRows({
      cluster: this.name,
      options: this.options.pool,
      members: this.#membership.topology.members,
      endpoints: [...this.#endpoints.values()],
      lobby: this.#lobby,
      lastUsable: this.#log.lastUsable,
      monitorOf: (key) => this.#membership.monitorOf(key),
    });
  }
}
