// Views on what a skimmer hands over: read like any message, then the counts of what was left out are put in.
// Does not pair requests with replies. Invariant: a whole message reads exactly as readAnyRequest and readAnyReply read it.

import { readInt32 } from './bytes.ts';
import type { CommandFields, CommandView } from './command-view.ts';
import { DOCUMENTS_COUNT, type SkimmedCounts } from './condensed-counts.ts';
import { Condenser } from './condenser.ts';
import { isCondensable } from './condenser-rules.ts';
import type { Frame } from './frame.ts';
import { readAnyRequest } from './legacy.ts';
import { readAnyReply } from './legacy-reply.ts';
import { HEADER_BYTES } from './limits.ts';
import { OPCODE } from './opcode.ts';
import type { ReplyFields, ReplyView } from './reply-view.ts';

/** @throws DecodeError as readAnyRequest. */
export function readSkimmedRequest(frame: Frame, counts: SkimmedCounts | null): CommandView {
  const view = readAnyRequest(frame);
  if (counts !== null) {
    const list = frame.opcode === OPCODE.insert ? DOCUMENTS_COUNT : view.row.statements;
    const statements = counts.of(list);
    if (statements >= 0) {
      // The view was made in this call and nobody else has seen it.
      (view as CommandFields).knownStatements = statements;
    }
  }
  return view;
}

/** @param request what it answers, null if that was not seen. @throws DecodeError as readAnyReply. */
export function readSkimmedReply(
  frame: Frame,
  counts: SkimmedCounts | null,
  request: CommandView | null = null,
): ReplyView {
  const view = readAnyReply(frame, request, counts?.of(DOCUMENTS_COUNT));
  if (counts !== null) {
    // As above.
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

/** For messages that were inflated; null where the opcode cannot be condensed. @throws DecodeError where it is malformed. */
export function condenseFrame(frame: Frame): CondensedMessage | null {
  if (!isCondensable(frame.opcode)) {
    return null;
  }
  const [first, ...rest] = frame.chunks as readonly [Buffer, ...Buffer[]];
  const condenser = new Condenser(first.subarray(0, HEADER_BYTES));
  condenser.write(first, HEADER_BYTES, Math.min(first.length, readInt32(first, 0)));
  for (const chunk of rest) {
    condenser.write(chunk, 0, chunk.length);
  }
  return { frame: condenser.finish(frame.wireBytes), counts: condenser.counts };
}
