// A sniffer with its table, and ways to say things in a conversation. Time is a number that the test passes.
// Does not assert. Invariant: everything it counts comes from the sniffer alone.

import { type BsonDocument, encodeMessage, readAnyRequest } from '../../../codecs/index.ts';
import type { Operation } from '../../../src/core/operation.ts';
import { Tally } from '../../../src/core/tally.ts';
import { Attribution } from '../../../src/filters/attribution.ts';
import { CallSites } from '../../../src/filters/call-sites.ts';
import type { Conversation, SniffEnd, SnifferEvents, SnifferParts } from '../../../src/sniff/conversation.ts';
import { Sniffer } from '../../../src/sniff/sniffer.ts';
import type { OperationRow } from '../../../src/stats/operation-row.ts';
import { OperationTable } from '../../../src/stats/operation-table.ts';

/** One finished operation, as plain values. */
export interface Finished {
  readonly command: string;
  readonly collection: string;
  readonly callSite: string;
  readonly outcome: string;
  readonly code: number;
  readonly returned: number;
  readonly changed: number;
  readonly serverMs: number;
  readonly requestBytes: number;
  readonly replyBytes: number;
}

export interface SniffRig {
  readonly sniffer: Sniffer;
  readonly table: OperationTable;
  readonly decodeErrors: ReadonlyMap<string, number>;
  readonly ended: ReadonlyMap<SniffEnd, number>;
  readonly finished: Finished[];
  open(server?: string): Conversation;
  /** Rows that counted something. */
  rows(): OperationRow[];
}

export function makeRig(more: Partial<SnifferParts> = {}): SniffRig {
  const table = new OperationTable({ maxRows: 1000 });
  const decodeErrors = new Tally<string>();
  const ended = new Tally<SniffEnd>();
  const finished: Finished[] = [];
  const events: SnifferEvents = {
    ...more.events,
    onFinished: (operation, conversation) => {
      finished.push(describe(operation));
      more.events?.onFinished?.(operation, conversation);
    },
  };
  const attribution = new Attribution(table, new CallSites());
  const sniffer = new Sniffer({ ...more, attribution, decodeErrors, ended, events });
  return {
    sniffer,
    table,
    decodeErrors: decodeErrors.counts,
    ended: ended.counts,
    finished,
    open: (server = 'db:27017') => sniffer.open({ listener: 'main', address: '127.0.0.1', port: 50_000, server }),
    rows: () => table.rows().filter((row) => row.operations + row.active > 0),
  };
}

function describe(operation: Operation): Finished {
  // Reads it from the bytes once more: they must still be there during the call.
  readAnyRequest(operation.frame);
  return {
    command: operation.command.name,
    collection: operation.command.collection,
    callSite: operation.callSite,
    outcome: operation.outcome,
    code: operation.errorCode,
    returned: operation.documentsReturned,
    changed: operation.documentsChanged,
    serverMs: operation.serverMs,
    requestBytes: operation.requestBytes,
    replyBytes: operation.replyBytes,
  };
}

export const ask = (id: number, document: BsonDocument, flags = 0): Buffer =>
  encodeMessage({ ...document, $db: 'shop' }, id, 0, flags);

export const answer = (id: number, responseTo: number, document: BsonDocument = {}, flags = 0): Buffer =>
  encodeMessage({ ok: 1, ...document }, id, responseTo, flags);

/** The same bytes in memory of their own, which is overwritten after use: nobody may keep them. */
export function lend(bytes: Buffer, use: (chunk: Buffer) => void): void {
  const chunk = Buffer.from(bytes);
  use(chunk);
  chunk.fill(0xdb);
}

/** Bytes that no compressor makes smaller, the same in every run. */
export function noise(bytes: number): Buffer {
  const made = Buffer.alloc(bytes);
  let seed = 1;
  for (let at = 0; at < bytes; at++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    made[at] = seed >>> 16;
  }
  return made;
}
