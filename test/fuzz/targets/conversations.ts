// Whole conversations that pass by, both directions.
// An input is a list of events (see toEvents), so that damage can also reorder, drop and misdirect chunks.
// Invariant: how the bytes of one event are cut changes nothing, every operation is finished, nothing is held beyond
// the stated bounds.

import assert from 'node:assert/strict';
import { Tally } from '../../../src/core/tally.ts';
import { Attribution } from '../../../src/filters/attribution.ts';
import { CallSites } from '../../../src/filters/call-sites.ts';
import type { Conversation } from '../../../src/sniff/conversation.ts';
import { Sniffer } from '../../../src/sniff/sniffer.ts';
import { OperationTable } from '../../../src/stats/operation-table.ts';
import { cut } from '../chunks.ts';
import type { Corpus } from '../corpus.ts';
import { FAMILIES } from '../growth.ts';
import type { Random } from '../random.ts';
import type { Target } from '../target.ts';
import { compressedMessages } from './compressed.ts';
import { MOST_HELD_BYTES } from './sniffing.ts';

const EVENT = { client: 0, server: 1, clientGap: 2, serverGap: 3 } as const;
const EVENT_HEAD_BYTES = 3;

/** Events as bytes: kind, length in 16 bits, bytes. Whatever does not fit is cut, so that any input is a list. */
function writeEvent(kind: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([kind, bytes.length & 0xff, (bytes.length >> 8) & 0xff]), bytes]);
}

function* toEvents(input: Buffer): Generator<{ readonly kind: number; readonly bytes: Buffer }, void, undefined> {
  for (let at = 0; at + EVENT_HEAD_BYTES <= input.length; ) {
    const end = Math.min(input.length, at + EVENT_HEAD_BYTES + input.readUInt16LE(at + 1));
    yield { kind: input.readUInt8(at), bytes: input.subarray(at + EVENT_HEAD_BYTES, end) };
    at = end;
  }
}

/** Each message as a request with each kind of reply behind it. */
function exchangesOf(corpus: Corpus): readonly Buffer[] {
  const messages = [...corpus.messages, ...compressedMessages(corpus)].filter(({ length }) => length < 20_000);
  const replies = messages.filter((message) => message.readInt32LE(8) !== 0);
  return messages.map((request, index) => {
    const reply = Buffer.from(replies[index % replies.length] ?? request);
    reply.writeInt32LE(request.readInt32LE(4), 8);
    const again = messages[(index * 7) % messages.length] ?? request;
    return Buffer.concat([
      writeEvent(EVENT.client, request),
      writeEvent(EVENT.server, reply),
      writeEvent(EVENT.client, Buffer.concat([again, request])),
      writeEvent(EVENT.serverGap, Buffer.alloc(0)),
      writeEvent(EVENT.server, reply),
    ]);
  });
}

/** One sniffer for all inputs, because its table of cursors is large; what it tells is emptied for each. */
class Listener {
  readonly #decodeErrors: Tally<string> = new Tally();
  readonly #table: OperationTable = new OperationTable({ maxRows: 100 });
  readonly #sniffer: Sniffer;
  #finished: unknown[] = [];
  #servers = 0;
  /** A mistake of ours: null for any other end. */
  #fault: unknown = null;

  constructor() {
    this.#sniffer = new Sniffer({
      attribution: new Attribution(this.#table, new CallSites()),
      decodeErrors: this.#decodeErrors,
      ended: new Tally(),
      inflatesAtOnce: true,
      events: {
        onFinished: ({ command, callSite, outcome, errorCode, documentsReturned, documentsChanged }) => {
          const { name, database, collection } = command;
          const counted = [errorCode, documentsReturned, documentsChanged];
          this.#finished.push([name, database, collection, callSite, outcome, counted]);
        },
        onBlind: (_conversation, _reason, error) => {
          // Thrown from here it would be caught, so that traffic goes on.
          this.#fault = error instanceof Error ? (error.stack ?? error.message) : error;
        },
      },
    });
  }

  converse(input: Buffer, random: Random): unknown {
    this.#finished = [];
    this.#fault = null;
    this.#decodeErrors.counts.clear();
    this.#servers++;
    // Cursors belong to a server: another one each time, so that no input learns from the one before.
    const server = `10.0.0.2:${String(this.#servers)}`;
    const conversation = this.#sniffer.open({ listener: 'main', address: '10.0.0.1', port: 4000, server });
    feedAll(conversation, input, random);
    conversation.end(9);
    assert.equal(this.#fault, null);
    assert.equal(this.#sniffer.conversations, 0);
    assert.equal(conversation.pending, 0);
    assert.equal(this.#table.totals.active, 0, 'every operation was finished');
    return [this.#finished, this.#decodeErrors, conversation.endReason, conversation.app, conversation.driver];
  }
}

/** A direction in which bytes are missing is read in whole chunks: the search may be confirmed by the end of a chunk. */
function feedAll(conversation: Conversation, input: Buffer, random: Random): void {
  const hasGap = { client: false, server: false };
  for (const { kind, bytes } of toEvents(input)) {
    if (kind === EVENT.clientGap) {
      hasGap.client = true;
      conversation.clientGap(1);
    } else if (kind === EVENT.serverGap) {
      hasGap.server = true;
      conversation.serverGap(1);
    } else {
      const isClient = kind === EVENT.client;
      const isWhole = isClient ? hasGap.client : hasGap.server;
      for (const chunk of isWhole ? [Buffer.from(bytes)] : cut(bytes, random)) {
        if (isClient) conversation.clientBytes(chunk, 2);
        else conversation.serverBytes(chunk, 3);
      }
    }
    assert.ok(conversation.heldBytes <= 3 * MOST_HELD_BYTES);
  }
}

const listener = new Listener();

export const CONVERSATION_TARGETS: readonly Target[] = [
  {
    name: 'conversation',
    seeds: exchangesOf,
    families: FAMILIES.map((family) => ({
      ...family,
      make: (count) => writeEvent(EVENT.client, family.make(Math.min(count, 400)).subarray(0, 0xffff)),
    })),
    read: (input, random) => listener.converse(input, random),
  },
];
