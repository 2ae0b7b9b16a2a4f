// Finds out what is spoken on one connection, opens a conversation where it is MongoDB, and hands the bytes on to it.
// Looks at content only, never at port numbers, except to say which end of a TLS connection is the server.
// Invariant: holds at most TELLING_BYTES per direction; what is not MongoDB is let go at once.

import type { CaptureCounts, ConnectionKind } from './counts.ts';
import { type Direction, type Endpoints, endpointText } from './endpoints.ts';
import { type Spoken, tellSpoken } from './first-bytes.ts';
import type { EndedBy, StreamSink } from './tracked-connection.ts';

/** The ends of a conversation. */
export interface FoundConnection {
  readonly clientHost: string;
  readonly clientPort: number;
  readonly serverHost: string;
  readonly serverPort: number;
}

/** Who reads a conversation; src/sniff's Conversation is one. Chunks are valid during the call only. */
export interface ConversationReader {
  clientBytes(chunk: Buffer, nowMs: number): void;
  serverBytes(chunk: Buffer, nowMs: number): void;
  clientGap(nowMs: number): void;
  serverGap(nowMs: number): void;
  end(nowMs: number, by: 'client' | 'server' | 'capture'): void;
}

/** Called for each MongoDB connection found, before its first bytes are handed on. null: nobody wants to read it. */
export type OpenConversation = (found: FoundConnection, nowMs: number) => ConversationReader | null;

const NOTHING: Buffer = Buffer.alloc(0);

export class Recogniser implements StreamSink {
  readonly #endpoints: Endpoints;
  readonly #counts: CaptureCounts;
  readonly #open: OpenConversation;
  /** First bytes of each direction that were too few to tell. */
  readonly #first: [Buffer, Buffer] = [NOTHING, NOTHING];
  #reader: ConversationReader | null = null;
  #client: Direction = 0;
  #kind: ConnectionKind | null = null;
  /** The stream's start was not seen: bytes may be from the middle of a message. */
  #isLate: boolean;
  #hasBytes = false;

  /** @param isLate false: the SYN was seen, so the first bytes are the first bytes */
  constructor(endpoints: Endpoints, isLate: boolean, counts: CaptureCounts, open: OpenConversation) {
    this.#endpoints = endpoints;
    this.#isLate = isLate;
    this.#counts = counts;
    this.#open = open;
  }

  get isListening(): boolean {
    return this.#kind === null || this.#reader !== null;
  }

  bytes(direction: Direction, bytes: Buffer, timeMs: number): void {
    if (this.#reader === null) this.#tell(direction, bytes, timeMs);
    else if (direction === this.#client) this.#reader.clientBytes(bytes, timeMs);
    else this.#reader.serverBytes(bytes, timeMs);
  }

  gap(direction: Direction, timeMs: number): void {
    if (this.#reader === null) {
      this.#isLate = true;
      this.#first[direction] = NOTHING;
    } else if (direction === this.#client) this.#reader.clientGap(timeMs);
    else this.#reader.serverGap(timeMs);
  }

  end(by: EndedBy, timeMs: number): void {
    if (this.#reader !== null) this.#reader.end(timeMs, this.#nameOf(by));
    else if (this.#kind === null) this.#decide(this.#kindAtEnd());
    this.#reader = null;
    this.#kind ??= 'cut';
  }

  #nameOf(by: EndedBy): 'client' | 'server' | 'capture' {
    if (by === 'capture') return by;
    return by === this.#client ? 'client' : 'server';
  }

  #kindAtEnd(): ConnectionKind {
    if (!this.#hasBytes) return 'silent';
    return this.#isLate ? 'other' : 'cut';
  }

  #tell(direction: Direction, bytes: Buffer, timeMs: number): void {
    if (this.#kind !== null) return;
    this.#hasBytes = true;
    const before = this.#first[direction];
    const joined = before.length === 0 ? bytes : Buffer.concat([before, bytes]);
    const spoken = tellSpoken(joined, 0, joined.length);
    this.#first[direction] = NOTHING;
    if (spoken === 'client' || spoken === 'server') this.#start(direction, spoken, joined, timeMs);
    else if (spoken === 'short') this.#first[direction] = Buffer.from(joined);
    else if (spoken !== 'other') this.#notMongo(spoken, direction, joined);
    else if (!this.#isLate) this.#decide('other');
    // In the middle of a stream the few bytes before may have been the end of something.
    else if (before.length > 0) this.#tell(direction, bytes, timeMs);
  }

  #start(direction: Direction, spoken: 'client' | 'server', bytes: Buffer, timeMs: number): void {
    const speaksFirst = spoken === 'client';
    const opposite: Direction = direction === 0 ? 1 : 0;
    this.#client = speaksFirst ? direction : opposite;
    this.#decide('mongodb');
    if (this.#isLate) this.#counts.joinedLate += 1;
    const reader = this.#open(this.#found(), timeMs);
    if (reader === null) return;
    this.#reader = reader;
    if (this.#isLate) {
      reader.clientGap(timeMs);
      reader.serverGap(timeMs);
    }
    const waiting = this.#first[opposite];
    this.#first[opposite] = NOTHING;
    if (waiting.length > 0 && !this.#isLate) this.bytes(opposite, waiting, timeMs);
    this.bytes(direction, bytes, timeMs);
  }

  #found(): FoundConnection {
    const { sourceHost, sourcePort, targetHost, targetPort } = this.#endpoints;
    return this.#client === 0
      ? { clientHost: sourceHost, clientPort: sourcePort, serverHost: targetHost, serverPort: targetPort }
      : { clientHost: targetHost, clientPort: targetPort, serverHost: sourceHost, serverPort: sourcePort };
  }

  #notMongo(spoken: Extract<Spoken, 'tls' | 'http'>, direction: Direction, bytes: Buffer): void {
    this.#decide(spoken);
    if (spoken === 'tls') this.#counts.noteTls(this.#serverOf(direction, bytes));
  }

  /** A SYN's target; without one whoever did not send a ClientHello; without that the lower port. */
  #serverOf(direction: Direction, bytes: Buffer): string {
    const { sourceHost, sourcePort, targetHost, targetPort } = this.#endpoints;
    const isHello = bytes[0] === 0x16 && bytes[5] === 1;
    const targetIsServer = !this.#isLate || (isHello ? direction === 0 : targetPort <= sourcePort);
    return targetIsServer ? endpointText(targetHost, targetPort) : endpointText(sourceHost, sourcePort);
  }

  #decide(kind: ConnectionKind): void {
    this.#kind = kind;
    this.#counts.connections.add(kind);
  }
}
