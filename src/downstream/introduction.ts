// Who a client says it is: application, driver and peer, from the hellos of one connection.
// It answers nothing. Invariants: texts from the wire are cleaned; the connection belongs to one peer from its first
// moment until leave().

import type { BsonView } from '../../codecs/index.ts';
import type { Peer } from '../core/client.ts';
import { badMetadata, type ErrorAnswer } from '../core/error-answers.ts';
import { cleanLabel } from '../stats/label.ts';
import { readClientMetadata } from './client-metadata.ts';
import type { Peers } from './peers.ts';

/** What is shown for an application that gave no name. */
const NO_APP = '-';

export class Introduction {
  app: string = NO_APP;
  /** '' before a hello named it. */
  driver = '';
  /** It takes `baseBackoffMS` in errors (protocol.md 5). */
  understandsBackoff = false;
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
    this.understandsBackoff ||= hello.getString('backpressure') === '2';
    const client = hello.getDocument('client');
    if (client === null) return null;
    if (this.#hasMetadata) return badMetadata(186, 'The client metadata document may only be sent in the first hello');
    const metadata = readClientMetadata(client.raw());
    if ('code' in metadata) return metadata;
    this.#hasMetadata = true;
    this.app = metadata.app === '' ? NO_APP : cleanLabel(metadata.app);
    this.driver = cleanLabel(metadata.driver);
    const before = this.peer;
    this.peer = this.#peers.join(this.#address, metadata.identity);
    this.#peers.leave(before);
    return null;
  }

  /** The connection is over. */
  leave(): void {
    this.#peers.leave(this.peer);
  }
}
