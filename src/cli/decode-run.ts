// What `weir decode` does with bytes: captures and recordings become conversations, conversations become the tables of
// the live proxy. It opens no file and prints nothing but the lines of a followed conversation.
// Invariant: one statistics path: sniff/ and the operation table count, nothing here does.

import { CaptureDecoder } from '../capture/capture-decoder.ts';
import type { PacketReader } from '../capture/packet.ts';
import type { ConversationReader, FoundConnection } from '../capture/recogniser.ts';
import type { Operation } from '../core/operation.ts';
import { Tally } from '../core/tally.ts';
import { Attribution } from '../filters/attribution.ts';
import { CallSites } from '../filters/call-sites.ts';
import { isRecording } from '../recording/format.ts';
import type { Conversation, SniffEnd, SniffedConnection } from '../sniff/conversation.ts';
import { Sniffer } from '../sniff/sniffer.ts';
import { OperationTable } from '../stats/operation-table.ts';
import { CountedReader, clientText, DecodedConversations, serverText } from './decode-conversations.ts';
import { FollowedConversation } from './decode-follow.ts';
import type { DecodeOptions } from './decode-options.ts';
import { type RecordedCounts, RecordingFeed } from './decode-recording.ts';
import { SlowOperations } from './decode-slow.ts';
import type { WindowReader } from './decode-source.ts';

/** A capture may hold more than a proxy keeps for weeks: about 120 MB if all are used. */
const MAX_ROWS = 100_000;
const MAX_CALL_SITES = 100_000;

export type FileFormat = 'pcap' | 'pcapng' | 'recording';

/** What both kinds of file give of a connection. */
export interface FoundEnds {
  readonly clientHost: string;
  readonly clientPort: number;
  readonly client: string;
  readonly server: string;
}

export class DecodeRun {
  readonly table: OperationTable = new OperationTable({ maxRows: MAX_ROWS });
  readonly conversations: DecodedConversations = new DecodedConversations();
  readonly decodeErrors: Tally<string> = new Tally();
  readonly ended: Tally<SniffEnd> = new Tally();
  readonly capture: CaptureDecoder;
  readonly slow: SlowOperations | null;
  /** Recorded chunks, and the bytes of them. */
  readonly recorded: RecordedCounts = { chunks: 0, bytes: 0, firstMs: Infinity, lastMs: -Infinity };
  /** Records of files that made no sense by themselves. */
  badRecords = 0;
  /** The conversation that --follow asks for was found. */
  isFollowed = false;
  readonly #options: DecodeOptions;
  readonly #print: (line: string) => void;
  readonly #sniffer: Sniffer;
  readonly #callSites: CallSites = new CallSites({ maxCached: MAX_CALL_SITES });
  readonly #numbers: WeakMap<SniffedConnection, number> = new WeakMap();

  /** @param print takes the lines of a followed conversation */
  constructor(options: DecodeOptions, print: (line: string) => void) {
    this.#options = options;
    this.#print = print;
    this.slow = options.slowMs === null ? null : new SlowOperations(options.slowMs);
    this.capture = new CaptureDecoder({ open: (found, nowMs) => this.#openFound(found, nowMs) });
    const { collection, callSite } = options.filters;
    this.#sniffer = new Sniffer({
      attribution: new Attribution(this.table, this.#callSites),
      decodeErrors: this.decodeErrors,
      ended: this.ended,
      inflatesAtOnce: true,
      ...(collection === null && callSite === null ? {} : { admits: (operation) => this.#admits(operation) }),
      events: { onFinished: (operation, conversation) => this.#onFinished(operation, conversation) },
    });
  }

  /** @throws CaptureError for a file that is neither a capture nor a recording */
  open(head: Buffer, note: (format: FileFormat) => void): WindowReader {
    if (isRecording(head.toString('utf8'))) {
      note('recording');
      return new RecordingFeed({
        open: (ends, nowMs) => this.openConversation(ends, nowMs, false),
        counts: this.recorded,
      });
    }
    const reader = this.capture.openFile(head);
    note(head.readUInt32LE(0) === 0x0a0d_0d0a ? 'pcapng' : 'pcap');
    return this.#windowOf(reader);
  }

  /** All files are read. */
  finish(): void {
    this.capture.finish();
  }

  /** Gives a reader for a conversation that was found, or null where a flag leaves it out. */
  openConversation(ends: FoundEnds, nowMs: number, isCalendar: boolean): ConversationReader | null {
    const number = this.conversations.nextNumber();
    const { follow } = this.#options;
    if (follow !== null) {
      if (follow !== number) return null;
      this.isFollowed = true;
      this.#print(`conversation ${number}: ${ends.client} > ${ends.server}`);
      return new FollowedConversation({ callSites: this.#callSites, print: this.#print, isCalendar });
    }
    if (!this.#wantsClient(ends)) return null;
    const { clientHost, clientPort, server } = ends;
    const connection = { listener: server, address: clientHost, port: clientPort, server };
    this.#numbers.set(connection, number);
    const entry = this.conversations.list(number, ends.client, server, nowMs);
    return new CountedReader(this.#sniffer.open(connection), entry);
  }

  #openFound(found: FoundConnection, nowMs: number): ConversationReader | null {
    const { clientHost, clientPort } = found;
    const ends = { clientHost, clientPort, client: clientText(found), server: serverText(found) };
    return this.openConversation(ends, nowMs, true);
  }

  #windowOf(reader: PacketReader): WindowReader {
    return {
      read: (bytes, start, end) => reader.read(bytes, start, end),
      finish: (left) => {
        this.badRecords += reader.badRecords;
        return left === 0 ? null : `it ends in the middle of a record, at byte ${reader.offset}`;
      },
    };
  }

  #wantsClient({ clientHost, clientPort }: FoundEnds): boolean {
    const { client } = this.#options.filters;
    return client === null || (client.host === clientHost && (client.port === null || client.port === clientPort));
  }

  #admits(operation: Operation): boolean {
    const { collection, callSite } = this.#options.filters;
    const { command } = operation;
    if (callSite !== null && !callSite.matches(operation.callSite)) return false;
    return collection === null || collection.matches(`${command.namespaceDatabase}.${command.collection}`);
  }

  #onFinished(operation: Operation, conversation: Conversation): void {
    this.slow?.add(operation, this.#numbers.get(conversation.connection) ?? 0);
  }
}
