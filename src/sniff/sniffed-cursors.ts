// Which call site opened which cursor, so that its getMores are charged to it, whatever connection they come on.
// It owns nobody's cursors. Invariant: bounded; the cursor asked longest ago makes room.

import { LRUCache } from 'lru-cache';
import type { CommandView, ReplyView } from '../../codecs/index.ts';
import { endsCursor } from '../core/reply-result.ts';

const MAX_CURSORS = 50_000;

export class SniffedCursors {
  readonly #callSites: LRUCache<string, string> = new LRUCache({ max: MAX_CURSORS });

  /** The call site that opened the cursor which this command names; null if it names none, or one never seen. */
  originOf(server: string, command: CommandView): string | null {
    if (command.cursorIdType !== 0) return this.#callSites.get(keyOf(server, command.cursorId)) ?? null;
    if (command.cursorsStart < 0) return null;
    const [first] = command.cursorIds;
    return first === undefined ? null : (this.#callSites.get(keyOf(server, first)) ?? null);
  }

  /** What the reply to a command says of the cursor that it opened, went on with or killed. */
  learn(server: string, command: CommandView, reply: ReplyView, callSite: string): void {
    if (command.cursorIdType !== 0) {
      if (endsCursor(reply)) this.#callSites.delete(keyOf(server, command.cursorId));
    } else if (command.cursorsStart >= 0) {
      if (reply.ok) this.forget(server, command);
    } else if (reply.hasOpenCursor) {
      this.#callSites.set(keyOf(server, reply.cursorId), callSite);
    }
  }

  /** A killCursors without a reply. */
  forget(server: string, command: CommandView): void {
    for (const id of command.cursorIds) this.#callSites.delete(keyOf(server, id));
  }

  /** A reply streamed after the first one: its cursor may be at its end. */
  learnStreamed(server: string, cursorId: bigint, reply: ReplyView): void {
    if (endsCursor(reply)) this.#callSites.delete(keyOf(server, cursorId));
  }
}

function keyOf(server: string, id: bigint): string {
  return `${server} ${id}`;
}
