// Views on what a skimmer hands over: read like any message, then the counts of what was left out are put in.
// Does not pair requests with replies. Invariant: a whole message reads exactly as readAnyRequest and readAnyReply read it.

import { readInt32 } from './bytes.ts';
import type { CommandFields, CommandView } from './command-view.ts';
import { CURSORS_COUNT, DOCUMENTS_COUNT, type SkimmedCounts } from './condensed-counts.ts';
import { Condenser } from './condenser.ts';
import type { Frame } from './frame.ts';
import { readAnyRequest } from './legacy.ts';
import { readAnyReply } from './legacy-reply.ts';
import { HEADER_BYTES } from './limits.ts';
import { readNamespaceUses } from './namespace-uses.ts';
import { OPCODE } from './opcode.ts';
import type { ReplyFields, ReplyView } from './reply-view.ts';

/** @throws DecodeError as readAnyRequest. */
export function readSkimmedRequest(frame: Frame, counts: SkimmedCounts | null): CommandView {
  const view = readAnyRequest(frame);
  if (counts !== null) {
    // The view was made in this call and nobody else has seen it.
    putRequestCounts(view as CommandFields, counts);
  }
  return view;
}

function putRequestCounts(view: CommandFields, counts: SkimmedCounts): void {
  const statements = counts.of(view.opcode === OPCODE.insert ? DOCUMENTS_COUNT : view.row.statements);
  if (statements >= 0) {
    view.knownStatements = statements;
  }
  if (view.cursorsStart >= 0) {
    view.knownCursors = counts.of(view.opcode === OPCODE.killCursors ? CURSORS_COUNT : 'cursors');
  }
  if (view.row.secondary === 'bulkWrite') {
    // Read now: what is read is small, and what was counted, which is not, need not wait for a reply.
    view.knownUses = readNamespaceUses(view, counts);
  }
}

/** @param request what it answers, null if that was not seen. @throws DecodeError as readAnyReply. */
export function readSkimmedReply(
  frame: Frame,
  counts: SkimmedCounts | null,
  request: CommandView | null = null,
): ReplyView {
  const view = readAnyReply(frame, request, counts?.of(DOCUMENTS_COUNT));
  if (counts !== null) {
    // As for requests.
    putCounts(view as ReplyFields, counts);
  }
  return view;
}

function putCounts(view: ReplyFields, counts: SkimmedCounts): void {
  const batch = Math.max(counts.of('firstBatch'), counts.of('nextBatch'));
  if (batch >= 0) {
    view.batchCount = batch;
  }
  view.writeErrorCount = Math.max(view.writeErrorCount, counts.of('writeErrors'));
  view.upsertedCount = Math.max(view.upsertedCount, counts.of('upserted'));
}

/** A large message that is whole in memory, condensed. */
export interface CondensedMessage {
  readonly frame: Frame;
  readonly counts: SkimmedCounts;
}

/** For messages that were inflated. @throws DecodeError where it is malformed; unknown_opcode, also for OP_COMPRESSED. */
export function condenseFrame(frame: Frame): CondensedMessage {
  const [first, ...rest] = frame.chunks as readonly [Buffer, ...Buffer[]];
  const condenser = new Condenser(first.subarray(0, HEADER_BYTES));
  condenser.write(first, HEADER_BYTES, Math.min(first.length, readInt32(first, 0)));
  for (const chunk of rest) {
    condenser.write(chunk, 0, chunk.length);
  }
  return { frame: condenser.finish(frame.wireBytes), counts: condenser.counts };
}
