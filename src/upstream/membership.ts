// Who belongs to a deployment, watched: the topology, a monitor for each of its members, and the seeds' own source. It carries no
// operation and holds no pool. Invariants: one monitor per member, so the deployment sees at most MAX_MEMBERS of them from here;
// what the topology says has changed is told in the order in which it did.

import type { Clock, Random, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Connector } from '../net/connector.ts';
import type { SrvAnswer, SrvResolver } from '../net/srv-resolver.ts';
import type { ClusterOptions } from '../options.ts';
import type { EndpointKey } from './exchange.ts';
import type { WeirIdentity } from './handshake.ts';
import type { Member } from './member.ts';
import { HEARTBEAT_MS, Monitor } from './monitor.ts';
import type { RequestIds } from './request-ids.ts';
import type { ServerDescription } from './server-description.ts';
import { SrvSeeds } from './srv-seeds.ts';
import { Topology, type TopologyChange } from './topology.ts';

export interface MembershipEvents {
  /** A member answered, and is one still. Before what follows from it is told. */
  onAnswer(member: Member, server: ServerDescription): void;
  /** It does not answer. */
  onDown(member: Member, reason: string): void;
  /** It was asked and did not answer in time. */
  onSilent(member: Member): void;
  onUsable(member: Member): void;
  onUnusable(member: Member, reason: string): void;
  onRemoved(member: Member, reason: string): void;
  /** All of the above that one event brought has been told. */
  onSettled(): void;
  onSrvAnswer(answer: SrvAnswer): void;
  onDecodeError(reason: string): void;
}

export interface MembershipParts {
  readonly options: ClusterOptions;
  readonly identity: WeirIdentity;
  readonly connector: Connector;
  readonly ids: RequestIds;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Needed by clusters whose seeds are looked up. */
  readonly srvResolver?: SrvResolver;
  readonly events: MembershipEvents;
}

export class Membership {
  readonly topology: Topology;
  readonly #parts: MembershipParts;
  readonly #monitors: Map<EndpointKey, Monitor> = new Map();
  readonly #srvSeeds: SrvSeeds | null;
  #lostSightTimer: Timer | null = null;
  #isRunning = false;

  constructor(parts: MembershipParts) {
    const { seeds, replicaSet, directConnection = false } = parts.options;
    this.#parts = parts;
    this.topology = new Topology({ seeds, replicaSet, isDirect: directConnection });
    this.#srvSeeds = this.#makeSrvSeeds();
  }

  /** Connections of the monitors. */
  get connections(): number {
    let total = 0;
    for (const monitor of this.#monitors.values()) total += monitor.connections;
    return total;
  }

  monitorOf(key: EndpointKey): Monitor | undefined {
    return this.#monitors.get(key);
  }

  start(): void {
    this.#isRunning = true;
    for (const member of this.topology.members) this.#watch(member);
    this.#srvSeeds?.start();
    this.#settle();
  }

  stop(): void {
    this.#isRunning = false;
    this.#srvSeeds?.stop();
    this.#lostSightTimer?.cancel();
    for (const monitor of this.#monitors.values()) monitor.stop();
  }

  /** Something went wrong elsewhere: ask it now. */
  checkSoon(key: EndpointKey): void {
    this.#monitors.get(key)?.checkSoon();
  }

  /** It said itself that it is not what it was: unknown until it is asked. */
  doubt(key: EndpointKey, reason: string): void {
    const member = this.topology.member(key);
    if (member?.server?.isWritable === true) this.#apply(this.topology.onDoubt(key, reason));
    this.checkSoon(key);
  }

  #makeSrvSeeds(): SrvSeeds | null {
    const { options, srvResolver } = this.#parts;
    if (options.srv === undefined || options.srv === null) return null;
    if (srvResolver === undefined) throw new Error('a cluster of looked-up seeds needs a resolver');
    return new SrvSeeds({
      ...this.#parts,
      cluster: options.name,
      srv: options.srv,
      resolver: srvResolver,
      shouldRescan: () => this.topology.kind !== 'replica_set' || this.topology.usable.length === 0,
      onAnswer: (answer) => {
        if (answer.replicaSet !== null) this.topology.requireSet(answer.replicaSet);
        this.#parts.events.onSrvAnswer(answer);
        this.#apply(this.topology.onSeeds(answer.seeds));
      },
    });
  }

  #watch(member: Member): void {
    const { key } = member;
    const { events, options } = this.#parts;
    const monitor = new Monitor({
      ...this.#parts,
      ...(options.heartbeatMs === undefined ? {} : { heartbeatMs: options.heartbeatMs }),
      address: member.address,
      events: {
        onAnswer: (server, rttMs) => this.#onAnswer(member, server, rttMs),
        onSilent: () => events.onSilent(member),
        onDown: (reason) => {
          this.#apply(this.topology.onFailure(key, reason), () => events.onDown(member, reason));
        },
        onDecodeError: (reason) => events.onDecodeError(reason),
      },
    });
    this.#monitors.set(key, monitor);
    monitor.start();
  }

  #onAnswer(member: Member, server: ServerDescription, rttMs: number): void {
    const changes = this.topology.onAnswer(member.key, server, rttMs, this.#parts.clock.nowMs());
    this.#apply(changes, () => {
      if (this.topology.member(member.key) === member) this.#parts.events.onAnswer(member, server);
    });
  }

  #apply(changes: readonly TopologyChange[], before?: () => void): void {
    before?.();
    const { events } = this.#parts;
    for (const { kind, member, reason } of changes) {
      if (kind === 'added') this.#watch(member);
      else if (kind === 'usable') events.onUsable(member);
      else if (kind === 'unusable') events.onUnusable(member, reason);
      else {
        this.#monitors.get(member.key)?.stop();
        this.#monitors.delete(member.key);
        events.onRemoved(member, reason);
      }
    }
    this.#settle();
  }

  #settle(): void {
    const isLost = this.topology.usable.length === 0;
    for (const monitor of this.#monitors.values()) monitor.hurry(isLost);
    if (!isLost) {
      this.#lostSightTimer?.cancel();
      this.#lostSightTimer = null;
    } else if (this.#isRunning) {
      this.#lostSightTimer ??= this.#parts.clock.setTimer(HEARTBEAT_MS, () => {
        this.#lostSightTimer = null;
        this.#apply(this.topology.onLostSight());
      });
    }
    this.#parts.events.onSettled();
  }
}
