// A conversation that remembers what it was told and breaks in the places that a test names.
// It understands nothing. Invariant: it remembers before it breaks.

import type { Conversation, SniffedConnection } from '../../../src/sniff/conversation.ts';

let lastId = 0;

/** A reader that only listens, and breaks where it is told to. */
export class FakeConversation implements Conversation {
  readonly connection: SniffedConnection;
  readonly id: number = ++lastId;
  state: 'reading' | 'blind' = 'reading';
  readonly endReason = null;
  readonly operations = 3;
  pending = 0;
  readonly oldest = null;
  heldBytes = 0;
  readonly app = 'shop';
  readonly driver = 'test 1';
  client = '';
  server = '';
  endedBy: string | undefined;
  readonly #faulty: ReadonlySet<string>;

  constructor(connection: SniffedConnection, faulty: ReadonlySet<string>) {
    this.connection = connection;
    this.#faulty = faulty;
  }

  clientBytes(chunk: Buffer): void {
    this.client += chunk.toString();
    this.#breakIn('clientBytes');
  }

  serverBytes(chunk: Buffer): void {
    this.server += chunk.toString();
    this.#breakIn('serverBytes');
  }

  clientGap(): void {}

  serverGap(): void {}

  end(_nowMs: number, by?: string): void {
    this.endedBy = by;
    this.#breakIn('end');
  }

  #breakIn(place: string): void {
    if (this.#faulty.has(place)) throw new Error(`planted in ${place}`);
  }
}
