// Views on what a skimmer hands over: read like any message, then the counts of what was left out are put in.
// Does not pair requests with replies. Invariant: a whole message reads exactly as readAnyRequest and readAnyReply read it.

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

/** Condenses a message that is whole in memory, a part at a time. */
export class Condensation {
  readonly #frame: Frame;
  readonly #condenser: Condenser;
  #chunk = 0;
  #at = HEADER_BYTES;

  constructor(frame: Frame) {
    this.#frame = frame;
    this.#condenser = new Condenser((frame.chunks[0] as Buffer).subarray(0, HEADER_BYTES));
  }

  /** Reads at most so many bytes on. True: there are more. @throws DecodeError where they are malformed. */
  step(bytes: number): boolean {
    const { chunks } = this.#frame;
    let left = bytes;
    while (left > 0 && this.#chunk < chunks.length) {
      const chunk = chunks[this.#chunk] as Buffer;
      const end = Math.min(chunk.length, this.#at + left);
      this.#condenser.write(chunk, this.#at, end);
      left -= end - this.#at;
      this.#at = end;
      if (end < chunk.length) {
        break;
      }
      this.#chunk++;
      this.#at = 0;
    }
    return this.#chunk < chunks.length;
  }

  /** After the last step. @throws DecodeError if the message ended too early. */
  finish(): CondensedMessage {
    return { frame: this.#condenser.finish(this.#frame.wireBytes), counts: this.#condenser.counts };
  }
}

/** For messages that were inflated. @throws DecodeError where it is malformed; unknown_opcode, also for OP_COMPRESSED. */
export function condenseFrame(frame: Frame): CondensedMessage {
  const condensation = new Condensation(frame);
  condensation.step(frame.length);
  return condensation.finish();
}
