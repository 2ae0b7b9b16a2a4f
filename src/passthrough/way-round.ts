// Notices drivers that leave the proxy: one that was given a member of a replica set follows the hosts which that member
// names, unless it says directConnection=true. Seen as a hello that names other addresses, after which the connection
// closes without a question, while nobody like that client asks anything here. Pure: time is an argument.
// Invariant: everything kept is bounded, and who comes back is forgotten.

import type { ReplyView } from '../../codecs/index.ts';
import type { Conversation, SniffedConnection } from '../sniff/conversation.ts';
import { cleanLabel } from '../stats/label.ts';

/** An address at which the listener can be reached, lower case `host:port`. */
export type OwnAddress = string;

export interface Departure {
  readonly app: string;
  readonly driver: string;
  /** The hosts which the server named, cleaned, for people. */
  readonly hosts: string;
}

interface Suspect {
  readonly helloMs: number;
  readonly hosts: string;
}

/** Who leaves does so at once; a connection that was only a while unused is something else. */
const LEAVES_WITHIN_MS = 10_000;
const MAX_HOSTS = 50;
/** Kinds of clients remembered, by host, application and driver. */
const MAX_CLIENTS = 2000;
/** What drivers send on their own behalf before, and without, any question. */
const HANDSHAKE: ReadonlySet<string> = new Set([
  'hello',
  'isMaster',
  'ismaster',
  'saslStart',
  'saslContinue',
  'authenticate',
]);

export class WayRound {
  readonly #suspects: Map<SniffedConnection, Suspect> = new Map();
  readonly #here: Set<string> = new Set();
  readonly #gone: Set<string> = new Set();

  /** Some kind of client left, and none like it has asked anything here since. */
  get isTaken(): boolean {
    return this.#gone.size > 0;
  }

  /** The first hello of a connection decides. */
  onHello(connection: SniffedConnection, reply: ReplyView, own: readonly OwnAddress[], nowMs: number): void {
    if (this.#suspects.has(connection)) return;
    const hosts = readHosts(reply);
    if (hosts.length === 0 || hosts.some((host) => own.includes(host.toLowerCase()))) return;
    this.#suspects.set(connection, { helloMs: nowMs, hosts: cleanLabel(hosts.join(', ')) });
  }

  onOperation(command: string, conversation: Conversation): void {
    if (this.#suspects.size === 0 || HANDSHAKE.has(command)) return;
    if (!this.#suspects.delete(conversation.connection)) return;
    const client = clientOf(conversation);
    this.#gone.delete(client);
    remember(this.#here, client);
  }

  /** A connection that is no longer read. */
  forget(connection: SniffedConnection): void {
    this.#suspects.delete(connection);
  }

  /** @returns who left, or null when nobody did. */
  onClosed(conversation: Conversation, isByClient: boolean, nowMs: number): Departure | null {
    const suspect = this.#suspects.get(conversation.connection);
    if (suspect === undefined) return null;
    this.#suspects.delete(conversation.connection);
    const client = clientOf(conversation);
    if (!isByClient || nowMs - suspect.helloMs > LEAVES_WITHIN_MS || this.#here.has(client)) return null;
    remember(this.#gone, client);
    return { app: conversation.app, driver: conversation.driver, hosts: suspect.hosts };
  }
}

/** `::ffff:10.0.0.1` is how IPv6 sockets write an IPv4 address. */
export function ownAddress(host: string, port: number): OwnAddress {
  const plain = host.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}

function clientOf({ connection, app, driver }: Conversation): string {
  return `${connection.address} ${app} ${driver}`;
}

function remember(clients: Set<string>, client: string): void {
  clients.add(client);
  if (clients.size <= MAX_CLIENTS) return;
  for (const oldest of clients) {
    clients.delete(oldest);
    return;
  }
}

/** The hosts which drivers would go to: those of a set's data bearing members; none if it is no replica set. */
function readHosts(reply: ReplyView): readonly string[] {
  const { document } = reply;
  const hosts: string[] = [];
  if (document.getString('setName') === null) return hosts;
  for (const name of ['hosts', 'passives']) {
    const list = document.getArray(name);
    for (let index = 0; list !== null && index < MAX_HOSTS; index++) {
      const host = list.getString(String(index));
      if (host === null) break;
      hosts.push(host);
    }
  }
  return hosts;
}
