// The conversations that `weir decode` found, numbered in their order, for people to choose one of.
// It reads no messages. Invariant: numbers do not depend on filters; the list is bounded, the rest is only counted.

import { endpointText } from '../capture/endpoints.ts';
import type { ConversationReader, FoundConnection } from '../capture/recogniser.ts';
import type { Conversation } from '../sniff/conversation.ts';

/** Conversations kept for the report. */
const MAX_LISTED = 10_000;

export interface DecodedConversation {
  readonly number: number;
  /** `host:port`; '' where a recording does not tell. */
  readonly client: string;
  readonly server: string;
  app: string;
  driver: string;
  operations: number;
  /** Of both directions. */
  bytes: number;
  readonly firstMs: number;
  lastMs: number;
}

export class DecodedConversations {
  readonly #listed: DecodedConversation[] = [];
  #total = 0;

  /** Of all that were found, those that a filter leaves out included. */
  get total(): number {
    return this.#total;
  }

  get listed(): readonly DecodedConversation[] {
    return this.#listed;
  }

  /** The number of the one that is found now. */
  nextNumber(): number {
    this.#total += 1;
    return this.#total;
  }

  list(number: number, client: string, server: string, nowMs: number): DecodedConversation {
    const decoded = {
      number,
      client,
      server,
      app: '-',
      driver: '',
      operations: 0,
      bytes: 0,
      firstMs: nowMs,
      lastMs: nowMs,
    };
    if (this.#listed.length < MAX_LISTED) this.#listed.push(decoded);
    return decoded;
  }
}

export function clientText({ clientHost, clientPort }: FoundConnection): string {
  return endpointText(clientHost, clientPort);
}

export function serverText({ serverHost, serverPort }: FoundConnection): string {
  return endpointText(serverHost, serverPort);
}

/** Hands everything on to a sniffed conversation, and keeps its entry up to date. */
export class CountedReader implements ConversationReader {
  readonly #inner: Conversation;
  readonly #entry: DecodedConversation;

  constructor(inner: Conversation, entry: DecodedConversation) {
    this.#inner = inner;
    this.#entry = entry;
  }

  clientBytes(chunk: Buffer, nowMs: number): void {
    this.#entry.bytes += chunk.length;
    this.#entry.lastMs = nowMs;
    this.#inner.clientBytes(chunk, nowMs);
  }

  serverBytes(chunk: Buffer, nowMs: number): void {
    this.#entry.bytes += chunk.length;
    this.#entry.lastMs = nowMs;
    this.#inner.serverBytes(chunk, nowMs);
  }

  clientGap(nowMs: number): void {
    this.#inner.clientGap(nowMs);
  }

  serverGap(nowMs: number): void {
    this.#inner.serverGap(nowMs);
  }

  end(nowMs: number, by: 'client' | 'server' | 'capture'): void {
    this.#inner.end(nowMs, by);
    this.#entry.app = this.#inner.app;
    this.#entry.driver = this.#inner.driver;
    this.#entry.operations = this.#inner.operations;
  }
}
