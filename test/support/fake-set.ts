// A scripted replica set on a FakeServer: members by host name, a primary that can be moved, members that die and come back.
// It elects nobody by itself. Invariant: at most one member says that it is primary, unless a test writes its hello by hand.

import { type BsonDocument, Int32, ObjectId } from '../../codecs/index.ts';
import type { HostPort } from '../../src/options.ts';
import type { FakeServer } from './fake-server.ts';

const PORT = 27_017;

export class FakeSet {
  readonly hosts: readonly string[];
  readonly #server: FakeServer;
  readonly #processes: Map<string, number> = new Map();
  #term = 0;
  primary: string | null = null;

  constructor(server: FakeServer, hosts: readonly string[] = ['a', 'b', 'c']) {
    this.#server = server;
    this.hosts = hosts;
    for (const host of hosts) this.#server.hosts.set(host, { processId: this.#nextProcess(host) });
    this.elect(hosts[0] ?? null);
  }

  static seeds(...hosts: readonly string[]): HostPort[] {
    return hosts.map((host) => ({ host, port: PORT }));
  }

  /** From now on this member says that it is primary; null: none does. Nobody is told. */
  elect(host: string | null): void {
    this.primary = host;
    this.#term++;
    for (const member of this.hosts) this.say(member, this.#helloOf(member));
  }

  /** What a member adds to its hello. */
  say(host: string, hello: BsonDocument): void {
    const script = this.#server.hosts.get(host) ?? {};
    this.#server.hosts.set(host, { ...script, hello: { ...script.hello, ...hello } });
  }

  /** Its process dies: connections break, new ones are refused. */
  kill(host: string): void {
    this.#server.hosts.set(host, { ...this.#server.hosts.get(host), isAccepting: false });
    for (const connection of this.#server.liveAt(host)) connection.socket.hangUp();
  }

  /** Packets to it vanish. */
  silence(host: string): void {
    this.#server.hosts.set(host, { ...this.#server.hosts.get(host), answersHello: false });
  }

  /** A new process. */
  start(host: string): void {
    const script = { ...this.#server.hosts.get(host), isAccepting: true, processId: this.#nextProcess(host) };
    this.#server.hosts.set(host, script);
  }

  #nextProcess(host: string): string {
    const count = (this.#processes.get(host) ?? 0) + 1;
    this.#processes.set(host, count);
    return `64b64c2f1f1f1f1f1f1f${host.charCodeAt(0).toString(16).padStart(2, '0')}${count.toString(16).padStart(2, '0')}`;
  }

  #helloOf(host: string): BsonDocument {
    const isPrimary = host === this.primary;
    return {
      isWritablePrimary: isPrimary,
      secondary: !isPrimary,
      setName: 'rs0',
      setVersion: new Int32(1),
      hosts: this.hosts.map((name) => `${name}:${PORT}`),
      me: `${host}:${PORT}`,
      electionId: isPrimary ? electionId(this.#term) : undefined,
    };
  }
}

export function electionId(term: number): ObjectId {
  return new ObjectId(`7fffffff${term.toString(16).padStart(16, '0')}`);
}
