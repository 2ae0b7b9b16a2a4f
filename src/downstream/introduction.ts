// Who a client says it is: application, driver, peer, and whether it takes weir for a service behind a load balancer;
// from the hellos of one connection. It answers nothing. Invariants: texts from the wire are cleaned; the connection
// belongs to one peer from its first moment until leave().

import type { BsonView } from '../../codecs/index.ts';
import type { Peer } from '../core/client.ts';
import { badMetadata, type ErrorAnswer } from '../core/error-answers.ts';
import { cleanLabel } from '../stats/label.ts';
import { readClientMetadata, readClientUpdate } from './client-metadata.ts';
import { helloProblem } from './hello.ts';
import type { Peers } from './peers.ts';

/** What is shown for an application that gave no name. */
const NO_APP = '-';

export class Introduction {
  app: string = NO_APP;
  /** '' before a hello named it. */
  driver = '';
  /** It takes `baseBackoffMS` in errors (protocol.md 5). */
  understandsBackoff = false;
  /** One of its hellos said so; that cannot be taken back. */
  isLoadBalanced = false;
  peer: Peer;
  readonly #peers: Peers;
  readonly #address: string;
  #hasMetadata = false;

  constructor(peers: Peers, address: string) {
    this.#peers = peers;
    this.#address = address;
    this.peer = peers.join(address, '');
  }

  /** Takes a hello of the open connection; an error refuses it. */
  read(hello: BsonView): ErrorAnswer | null {
    const problem = helloProblem(hello) ?? this.#readMetadata(hello);
    if (problem !== null) return problem;
    this.understandsBackoff ||= hello.getString('backpressure') === '2';
    if (hello.getBoolean('loadBalanced') === true) this.#standAlone();
    const update = this.#hasMetadata ? hello.getDocument('clientUpdate') : null;
    if (update !== null) this.#update(update);
    return null;
  }

  #readMetadata(hello: BsonView): ErrorAnswer | null {
    const client = hello.getDocument('client');
    if (client === null) return null;
    if (this.#hasMetadata) return badMetadata(186, 'The client metadata document may only be sent in the first hello');
    const metadata = readClientMetadata(client.raw());
    if ('code' in metadata) return metadata;
    this.#hasMetadata = true;
    this.app = metadata.app === '' ? NO_APP : cleanLabel(metadata.app);
    this.driver = cleanLabel(metadata.driver);
    if (!this.isLoadBalanced) this.#belongTo(this.#peers.join(this.#address, metadata.identity));
    return null;
  }

  /** What it opens is its own from now on: its driver pins cursors and transactions to this connection. */
  #standAlone(): void {
    if (this.isLoadBalanced) return;
    this.isLoadBalanced = true;
    this.#belongTo(this.#peers.single(this.#address));
  }

  #belongTo(peer: Peer): void {
    const before = this.peer;
    this.peer = peer;
    this.#peers.leave(before);
  }

  /** Names change, the owner does not: the process is the same one. What breaks a rule changes nothing. */
  #update(update: BsonView): void {
    const { app, driver } = readClientUpdate(update.raw());
    if (app !== null) this.app = app === '' ? NO_APP : cleanLabel(app);
    if (driver !== null) this.driver = cleanLabel(driver);
  }

  /** The connection is over. */
  leave(): void {
    this.#peers.leave(this.peer);
  }
}
