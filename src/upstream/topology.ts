// Which servers a deployment has and which of them take operations: SDAM's rules (protocol.md 2.4) as a state machine.
// It dials nothing and reads no clock. Invariants: one member takes operations unless they are mongos; a primary of an
// older election never displaces a newer one; there are never more than MAX_MEMBERS.

import type { HostPort } from '../options.ts';
import type { EndpointKey } from './exchange.ts';
import { Member } from './member.ts';
import { endpointKey, readServerAddress } from './server-address.ts';
import type { ServerDescription } from './server-description.ts';

export const MAX_MEMBERS = 128;

export type TopologyKind = 'unknown' | 'single' | 'sharded' | 'replica_set';

/**
 * - added, removed: whom to monitor
 * - usable, unusable: whom operations may be sent to
 */
export interface TopologyChange {
  readonly kind: 'added' | 'removed' | 'usable' | 'unusable';
  readonly member: Member;
  /** Why it was removed or cannot be used; '' for good news. */
  readonly reason: string;
}

export interface TopologyOptions {
  readonly seeds: readonly HostPort[];
  /** The set that members must belong to; null: whichever the first one names. */
  readonly replicaSet: string | null;
  /** The only seed is used as it is, whatever set it belongs to and whom it names. */
  readonly isDirect: boolean;
}

/** The newest election that was heard of. */
interface Election {
  readonly id: string | null;
  readonly setVersion: number | null;
}

const NO_ELECTION: Election = { id: null, setVersion: null };
/** From this wire version on the election decides first, then the set's version (protocol.md 2.3). */
const ELECTION_FIRST_WIRE_VERSION = 17;

export class Topology {
  #kind: TopologyKind;
  #setName: string | null;
  #seeds: readonly HostPort[];
  #newest: Election = NO_ELECTION;
  /** As configured, or as looked up with the seeds. */
  #wantedSet: string | null;
  readonly #isDirect: boolean;
  readonly #members: Map<EndpointKey, Member> = new Map();
  /** Reasons of this step, by member, for the changes that it ends in. */
  readonly #reasons: Map<Member, string> = new Map();

  constructor({ seeds, replicaSet, isDirect }: TopologyOptions) {
    this.#seeds = seeds;
    this.#wantedSet = replicaSet;
    this.#isDirect = isDirect;
    this.#setName = replicaSet;
    this.#kind = this.#initialKind();
    for (const seed of seeds) this.#add(seed);
  }

  get kind(): TopologyKind {
    return this.#kind;
  }

  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  member(key: EndpointKey): Member | null {
    return this.#members.get(key) ?? null;
  }

  /** Those that operations may be sent to: the primary, the only server, or every mongos that answers. */
  get usable(): readonly Member[] {
    return this.members.filter((member) => this.#isUsable(member));
  }

  /** What those say that hold data and answer. */
  get dataBearing(): readonly ServerDescription[] {
    const found: ServerDescription[] = [];
    for (const { server } of this.#members.values()) {
      if (server !== null && !['ghost', 'arbiter', 'other'].includes(server.type)) found.push(server);
    }
    return found;
  }

  onAnswer(key: EndpointKey, server: ServerDescription, rttMs: number, nowMs: number): TopologyChange[] {
    return this.#step(() => {
      const member = this.#members.get(key);
      if (member === undefined) return;
      member.answered(server, rttMs, nowMs);
      this.#judge(member, server);
    });
  }

  /** A check failed: refused, lost, or not answered in time. */
  onFailure(key: EndpointKey, error: string): TopologyChange[] {
    const member = this.#members.get(key);
    if (member !== undefined) member.failures++;
    return this.onDoubt(key, error);
  }

  /** Something says that what is known of it holds no longer: unknown until it is asked. */
  onDoubt(key: EndpointKey, error: string): TopologyChange[] {
    return this.#step(() => {
      const member = this.#members.get(key);
      if (member !== undefined) this.#forget(member, error);
    });
  }

  /** The seeds were looked up again. Members of a replica set are known better by the set itself. */
  onSeeds(seeds: readonly HostPort[]): TopologyChange[] {
    return this.#step(() => {
      this.#seeds = seeds;
      if (this.#kind !== 'unknown' && this.#kind !== 'sharded' && this.#members.size > 0) return;
      const named = new Set(seeds.map(endpointKey));
      for (const member of this.#members.values()) {
        if (!named.has(member.key)) this.#remove(member, 'it is no longer looked up');
      }
      this.#reseed();
    });
  }

  /** The name of the set that the looked-up seeds must belong to; ignored once one is known. */
  requireSet(name: string): void {
    if (this.#setName !== null || this.#isDirect) return;
    this.#wantedSet = name;
    this.#setName = name;
    if (this.#kind === 'unknown') this.#kind = 'replica_set';
  }

  /** Nobody has been usable for a while: the seeds may know where the deployment has gone. */
  onLostSight(): TopologyChange[] {
    return this.#step(() => this.#reseed());
  }

  #initialKind(): TopologyKind {
    if (this.#isDirect) return 'single';
    return this.#wantedSet === null ? 'unknown' : 'replica_set';
  }

  #reseed(): void {
    if (this.#members.size === 0) {
      this.#kind = this.#initialKind();
      this.#setName = this.#wantedSet;
      this.#newest = NO_ELECTION;
    }
    for (const seed of this.#seeds) this.#add(seed);
  }

  /** Runs one step and tells what it changed. */
  #step(run: () => void): TopologyChange[] {
    const before = this.members;
    const usedBefore = new Set(this.usable);
    this.#reasons.clear();
    run();
    const changes: TopologyChange[] = [];
    const note = (kind: TopologyChange['kind'], member: Member): void => {
      changes.push({ kind, member, reason: this.#reasons.get(member) ?? '' });
    };
    for (const member of usedBefore) if (!this.#has(member) || !this.#isUsable(member)) note('unusable', member);
    for (const member of before) if (!this.#has(member)) note('removed', member);
    const known = new Set(before);
    for (const member of this.members) if (!known.has(member)) note('added', member);
    for (const member of this.usable) if (!usedBefore.has(member)) note('usable', member);
    return changes;
  }

  #has(member: Member): boolean {
    return this.#members.get(member.key) === member;
  }

  #isUsable({ server }: Member): boolean {
    if (server?.isWritable !== true) return false;
    if (this.#kind === 'sharded') return server.type === 'mongos';
    return this.#kind === 'single' || (this.#kind === 'replica_set' && server.type === 'primary');
  }

  #add(address: HostPort): void {
    const key = endpointKey(address);
    if (!this.#members.has(key) && this.#members.size < MAX_MEMBERS) this.#members.set(key, new Member(key, address));
  }

  #addHosts(hosts: readonly EndpointKey[]): void {
    for (const key of hosts) {
      const address = readServerAddress(key);
      if (address !== null) this.#add(address);
    }
  }

  #remove(member: Member, reason: string): void {
    this.#reasons.set(member, reason);
    this.#members.delete(member.key);
  }

  #forget(member: Member, error: string): void {
    this.#reasons.set(member, error);
    member.forget(error);
  }

  #judge(member: Member, server: ServerDescription): void {
    if (!server.isWritable) this.#reasons.set(member, `it is ${server.type}, and does not accept writes`);
    if (this.#kind === 'unknown') this.#recognise(member, server);
    if (!this.#has(member)) return;
    switch (this.#kind) {
      case 'single':
        return this.#judgeSingle(member, server);
      case 'sharded':
        return server.type === 'mongos' ? undefined : this.#remove(member, `it is ${server.type}, not a mongos`);
      case 'replica_set':
        return this.#judgeSetMember(member, server);
      case 'unknown':
        return;
      default:
        return this.#kind satisfies never;
    }
  }

  /** The first telling answer says what kind of deployment this is. */
  #recognise(member: Member, { type }: ServerDescription): void {
    if (type === 'ghost') return;
    if (type === 'mongos') this.#kind = 'sharded';
    else if (type !== 'standalone') this.#kind = 'replica_set';
    else if (this.#seeds.length === 1) this.#kind = 'single';
    else this.#remove(member, 'it is a standalone, and the cluster has several seeds');
  }

  #judgeSingle(member: Member, server: ServerDescription): void {
    const wanted = this.#setName;
    if (wanted !== null && server.setName !== wanted) this.#forget(member, wrongSet(server, wanted));
  }

  #judgeSetMember(member: Member, server: ServerDescription): void {
    if (server.type === 'ghost') return;
    this.#setName ??= server.setName;
    if (this.#setName !== null && server.setName !== this.#setName) {
      return this.#remove(member, wrongSet(server, this.#setName));
    }
    if (server.type === 'primary') return this.#judgePrimary(member, server);
    // While there is a primary, its list is the one that counts.
    if (!this.members.some((other) => other.type === 'primary')) this.#addHosts(server.hosts);
    if (server.me !== null && server.me !== member.key) this.#remove(member, `it calls itself ${server.me}`);
  }

  #judgePrimary(member: Member, server: ServerDescription): void {
    if (!this.#isNewest(server)) return this.#forget(member, 'it was primary before a newer election');
    for (const other of this.members) {
      if (other !== member && other.type === 'primary') this.#forget(other, `${member.key} is the primary now`);
    }
    // One that names nobody says nothing of who belongs to the set.
    if (server.hosts.length === 0) return;
    this.#addHosts(server.hosts);
    const listed = new Set(server.hosts);
    for (const other of this.members) {
      if (!listed.has(other.key)) this.#remove(other, `the primary ${member.key} does not name it`);
    }
  }

  /** Whether this primary's election is as new as any other heard of; if so, it is noted. */
  #isNewest({ maxWireVersion, electionId, setVersion }: ServerDescription): boolean {
    const { id, setVersion: version } = this.#newest;
    if (maxWireVersion >= ELECTION_FIRST_WIRE_VERSION) {
      const order = compareNullable(electionId, id) || compareNullable(setVersion, version);
      if (order >= 0) this.#newest = { id: electionId, setVersion };
      return order >= 0;
    }
    if (setVersion !== null && electionId !== null) {
      const order = compareNullable(setVersion, version) || compareNullable(electionId, id);
      if (version !== null && id !== null && order < 0) return false;
      this.#newest = { id: electionId, setVersion: version };
    }
    if (compareNullable(setVersion, version) > 0) this.#newest = { ...this.#newest, setVersion };
    return true;
  }
}

function wrongSet({ setName }: ServerDescription, wanted: string): string {
  return `it belongs to replica set ${setName ?? '(none)'}, not ${wanted}`;
}

/** Null is less than everything. */
function compareNullable<Value extends string | number>(a: Value | null, b: Value | null): number {
  if (a === b) return 0;
  if (a === null) return -1;
  return b === null || a > b ? 1 : -1;
}
