// What `weir decode` found, as plain data: the JSON of --json, from which the text and the CSV are made.
// It makes no text. Invariant: collections and callSites are the rows of the live proxy's API, field by field.

import { type OperationReportRow, reportCallSites, reportCollections } from '../stats/operation-report.ts';
import type { OperationTotals } from '../stats/operation-table.ts';
import type { DecodedConversation } from './decode-conversations.ts';
import type { DecodeRun, FileFormat } from './decode-run.ts';
import type { SlowOperation } from './decode-slow.ts';

export interface DecodedFile {
  readonly name: string;
  readonly format: FileFormat | null;
  readonly bytes: number;
  /** One sentence on what of it could not be read; null if all could. */
  readonly problem: string | null;
}

/** Counts by reason; only reasons that occurred. */
export type Counted = Readonly<Record<string, number>>;

export interface DecodeReport {
  readonly files: readonly DecodedFile[];
  /** Milliseconds since 1970, in recordings since their start; null without packets. */
  readonly time: { readonly firstMs: number; readonly lastMs: number; readonly isCalendar: boolean } | null;
  readonly packets: {
    readonly count: number;
    readonly bytes: number;
    readonly skipped: Counted;
    readonly damaged: number;
  };
  readonly linkTypesNotRead: readonly number[];
  readonly tcp: {
    readonly segments: number;
    readonly bytes: number;
    readonly repeated: number;
    readonly early: number;
    readonly cutBySnapLength: number;
    readonly gaps: number;
    readonly gapBytes: number;
  };
  readonly recorded: { readonly chunks: number; readonly bytes: number };
  readonly connections: {
    readonly byContent: Counted;
    readonly joinedLate: number;
    readonly evicted: number;
    readonly tlsServers: Counted;
  };
  /** What was met in the bytes of MongoDB conversations. Keys `client|reason` and `server|reason`: whose bytes. */
  readonly streamFaults: Counted;
  /** Conversations that were not read to their end. */
  readonly ended: Counted;
  readonly totals: OperationTotals;
  readonly collections: readonly OperationReportRow[];
  readonly callSites: readonly OperationReportRow[];
  readonly conversations: readonly DecodedConversation[];
  readonly conversationsTotal: number;
  /** null without --slow. */
  readonly slow: { readonly total: number; readonly slowest: readonly SlowOperation[] } | null;
}

export function reportOf(run: DecodeRun, files: readonly DecodedFile[]): DecodeReport {
  const { counts } = run.capture;
  return {
    files,
    time: timeOf(run),
    packets: {
      count: counts.packets,
      bytes: counts.packetBytes,
      skipped: Object.fromEntries(counts.skipped.counts),
      damaged: run.badRecords,
    },
    linkTypesNotRead: [...counts.unknownLinkTypes],
    tcp: {
      segments: counts.segments,
      bytes: counts.payloadBytes,
      repeated: counts.repeatedSegments,
      early: counts.earlySegments,
      cutBySnapLength: counts.cutSegments,
      gaps: counts.gaps,
      gapBytes: counts.gapBytes,
    },
    recorded: { chunks: run.recorded.chunks, bytes: run.recorded.bytes },
    connections: {
      byContent: Object.fromEntries(counts.connections.counts),
      joinedLate: counts.joinedLate,
      evicted: counts.evicted,
      tlsServers: Object.fromEntries(counts.tlsServers),
    },
    streamFaults: faultsOf(run),
    ended: Object.fromEntries(run.ended.counts),
    totals: run.table.totals,
    collections: reportCollections(run.table),
    callSites: reportCallSites(run.table),
    conversations: run.conversations.listed,
    conversationsTotal: run.conversations.total,
    slow: run.slow === null ? null : { total: run.slow.total, slowest: run.slow.slowest() },
  };
}

function timeOf({ capture: { counts }, recorded }: DecodeRun): DecodeReport['time'] {
  if (counts.packets > 0 && counts.firstMs <= counts.lastMs) {
    return { firstMs: counts.firstMs, lastMs: counts.lastMs, isCalendar: true };
  }
  return recorded.chunks === 0 ? null : { firstMs: recorded.firstMs, lastMs: recorded.lastMs, isCalendar: false };
}

function faultsOf({ decodeErrors }: DecodeRun): Counted {
  return Object.fromEntries([...decodeErrors.counts].map(([key, count]) => [key.replace(/^sniffed_/, ''), count]));
}
