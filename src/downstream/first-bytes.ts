// Tells from the first bytes of a client whether it speaks TLS or HTTP instead of MongoDB's protocol, so that it can be
// told so. It closes nothing itself. Invariant: no request that would be served is mistaken for something else.

export type ForeignProtocol = 'tls' | 'http';

/** So many bytes decide in any case; fewer than a message's header, so that nothing was read as a message before. */
const DECIDING_BYTES = 10;
const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR = 3;
const CLIENT_HELLO = 1;
/** Methods, and the preface of HTTP/2. As the length of a message each is beyond 48 000 000. */
const HTTP_STARTS: ReadonlySet<string> = new Set([
  'GET ',
  'POST',
  'HEAD',
  'PUT ',
  'DELE',
  'OPTI',
  'PATC',
  'CONN',
  'TRAC',
  'PRI ',
]);

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
    const found = judge(bytes);
    this.#seen = found === 'undecided' ? Buffer.from(bytes) : null;
    return found === 'tls' || found === 'http' ? found : null;
  }
}

function judge(bytes: Buffer): ForeignProtocol | 'message' | 'undecided' {
  if (bytes[0] === TLS_HANDSHAKE) return judgeTls(bytes);
  if (bytes.length < 4) return 'undecided';
  return HTTP_STARTS.has(bytes.toString('latin1', 0, 4)) ? 'http' : 'message';
}

/**
 * A TLS record looks like a message of 65 000 bytes, so the handshake inside it is looked at too: where the version of a
 * ClientHello stands, a request has its responseTo, which is 0.
 */
function judgeTls(bytes: Buffer): ForeignProtocol | 'message' | 'undecided' {
  if (bytes.length > 1 && bytes[1] !== TLS_MAJOR) return 'message';
  if (bytes.length > 5 && bytes[5] !== CLIENT_HELLO) return 'message';
  if (bytes.length < DECIDING_BYTES) return 'undecided';
  return bytes[9] === TLS_MAJOR ? 'tls' : 'message';
}
