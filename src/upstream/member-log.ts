// What the log says of a cluster's members: each change once, nothing twice. It decides nothing.
// Invariant: one line for each time that the cluster comes up or goes down, a member answers or ceases to, a primary moves.

import type { Logger } from '../core/logger.ts';
import type { EndpointKey } from './exchange.ts';
import type { Member } from './member.ts';

export class MemberLog {
  /** The one that took operations last; null before the first contact. */
  lastUsable: EndpointKey | null = null;
  readonly #cluster: string;
  readonly #logger: Logger;
  readonly #answering: Set<EndpointKey> = new Set();
  #isUp = false;

  constructor(cluster: string, logger: Logger) {
    this.#cluster = cluster;
    this.#logger = logger;
  }

  usable({ key, address, server }: Member): void {
    const cluster = this.#cluster;
    if (!this.#isUp) {
      this.#logger.info({ cluster, ...address, max_wire_version: server?.maxWireVersion }, 'upstream is up');
    }
    const isMoved = this.lastUsable !== null && this.lastUsable !== key && server?.type === 'primary';
    if (isMoved) this.#logger.info({ cluster, from: this.lastUsable, to: key }, 'the primary is another one now');
    this.lastUsable = key;
    this.#isUp = true;
  }

  unusable({ key }: Member, reason: string, isLast: boolean): void {
    this.#logger.debug({ cluster: this.#cluster, member: key, reason }, 'member takes no operations');
    if (!isLast || !this.#isUp) return;
    this.#isUp = false;
    this.#logger.warn({ cluster: this.#cluster, member: key, reason }, 'upstream is not reachable');
  }

  /** `detail`: its type, or why it does not answer. */
  answers({ key }: Member, isAnswering: boolean, detail: string): void {
    if (this.#answering.has(key) === isAnswering) return;
    if (isAnswering) {
      this.#answering.add(key);
      this.#logger.info({ cluster: this.#cluster, member: key, type: detail }, 'member answers');
    } else {
      this.#answering.delete(key);
      this.#logger.info({ cluster: this.#cluster, member: key, reason: detail }, 'member does not answer');
    }
  }

  removed({ key }: Member, reason: string): void {
    this.#answering.delete(key);
    this.#logger.info({ cluster: this.#cluster, member: key, reason }, 'member is gone');
  }
}
