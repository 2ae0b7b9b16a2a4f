// The words of sniffing: what a conversation is, what it is told and what it tells. Types only, no behaviour.
// Whoever has the bytes of a connection (a relay, a capture, a recording) opens a conversation and hands them over.
// Invariant: nothing that a conversation is told can make it throw or change a byte.

import type { ReplyView } from '../../codecs/index.ts';
import type { Operation } from '../core/operation.ts';
import type { Tally } from '../core/tally.ts';
import type { Attribution } from '../filters/attribution.ts';

/** Where the bytes come from. */
export interface SniffedConnection {
  readonly listener: string;
  /** The client's host. */
  readonly address: string;
  readonly port: number;
  /** `host:port`: cursor ids are a server's own. */
  readonly server: string;
}

/**
 * Why a conversation is no longer read while its bytes go on:
 * - lost_framing: a length that cannot be one; nothing behind it can be told apart
 * - internal_error: a mistake of ours
 * - tls, http: the first bytes of the client are another protocol's
 */
export type SniffEnd = 'lost_framing' | 'internal_error' | 'tls' | 'http';

/** Whose end it was; decides what is said of operations without a reply. `capture`: the recording stopped, nobody did. */
export type EndedBy = 'client' | 'server' | 'capture';

export interface Conversation {
  readonly connection: SniffedConnection;
  readonly id: number;
  /**
   * Bytes from the client, in order. `nowMs`: monotonic milliseconds, in captures the time of the packet.
   * Never throws. The chunk is neither changed nor kept after the call: what must be kept of it is copied.
   */
  clientBytes(chunk: Buffer, nowMs: number): void;
  /** The same from the server. */
  serverBytes(chunk: Buffer, nowMs: number): void;
  /** Bytes of the client are missing here (or the start is): goes on at the next plausible header. For captures only. */
  clientGap(nowMs: number): void;
  serverGap(nowMs: number): void;
  /** The connection is over. What waits for a reply is finished. Default: the client's end. */
  end(nowMs: number, by?: EndedBy): void;
  readonly state: 'reading' | 'blind';
  /** Why it is blind; null while it reads. */
  readonly endReason: SniffEnd | null;
  /** Operations begun. */
  readonly operations: number;
  /** Operations without a reply so far. */
  readonly pending: number;
  /** The one of these that was asked first; null: none. */
  readonly oldest: Operation | null;
  /** Bytes of unfinished messages that are held, both directions. */
  readonly heldBytes: number;
  /** `application.name` of the hello, cleaned; `-` when there was none. */
  readonly app: string;
  /** `driver.name driver.version` of the hello, cleaned; '' when there was none. */
  readonly driver: string;
}

export interface SnifferEvents {
  /** Every readable reply to hello or isMaster; to be read during the call only. */
  onHello?(connection: SniffedConnection, reply: ReplyView): void;
  /** After finish(); `operation.command` is readable during the call only. */
  onFinished?(operation: Operation, conversation: Conversation): void;
  /** It is no longer read, said once; `error` with internal_error. */
  onBlind?(conversation: Conversation, reason: SniffEnd, error: unknown): void;
}

export interface SnifferParts {
  /** Counts into the operation table. */
  readonly attribution: Attribution;
  /** Keys `sniffed_client|reason` and `sniffed_server|reason`. */
  readonly decodeErrors: Tally<string>;
  /** Conversations no longer read. */
  readonly ended: Tally<SniffEnd>;
  /** false: this operation is not counted and not told of. Asked once its call site is known. */
  readonly admits?: (operation: Operation) => boolean;
  readonly events?: SnifferEvents;
  /** Compressed messages of any size are inflated within the call: for captures, which are read in one go. */
  readonly inflatesAtOnce?: boolean;
  /** Runs something after what else there is to do: a large inflated message is read in pieces. Absent: in one go. */
  readonly later?: (run: () => void) => void;
  /** What compressed messages above 4 MB may cost together, bytes; default LARGE_INFLATION_BYTES. Beyond, they pass unread. */
  readonly largeInflationBytes?: number;
}
