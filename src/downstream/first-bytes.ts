// Tells from the first bytes of a client whether it speaks TLS or HTTP instead of MongoDB's protocol, so that it can be
// told so. It closes nothing itself. Invariant: no request that would be served is mistaken for something else.

import { type ForeignProtocol, tellOpening } from '../../codecs/index.ts';

export type { ForeignProtocol };

const HTTP_TEXT =
  'This port is for MongoDB drivers. weir shows its metrics and its state over HTTP at its admin address.\n';

/** What an HTTP client is told before it is closed. */
export const HTTP_ANSWER: Buffer = Buffer.from(
  [
    'HTTP/1.0 200 OK',
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${HTTP_TEXT.length}`,
    '',
    HTTP_TEXT,
  ].join('\r\n'),
);

/** What the log says, once per listener and protocol. */
export const FOREIGN_ADVICE: Readonly<Record<ForeignProtocol, string>> = {
  tls: 'a client began with TLS and was closed: TLS towards clients is not built yet; take tls=true out of its connection string, or use mode passthrough',
  http: 'a client spoke HTTP to a MongoDB port and was told so; metrics are at the admin address',
};

/** Looks at the beginning of one connection, however it is cut. */
export class FirstBytes {
  #seen: Buffer | null = Buffer.alloc(0);

  /** What the client speaks, once, with the chunk that shows it; null: MongoDB's protocol, or not to be told yet. */
  push(chunk: Buffer): ForeignProtocol | null {
    if (this.#seen === null) return null;
    const bytes = this.#seen.length === 0 ? chunk : Buffer.concat([this.#seen, chunk]);
    const opening = tellOpening(bytes);
    this.#seen = opening === 'short' ? Buffer.from(bytes) : null;
    return opening === 'tls' || opening === 'http' ? opening : null;
  }
}
