// Prints one conversation message by message: `weir decode --follow N`. It counts nothing.
// Invariants: one line per message, in the order of the bytes; what it remembers of requests and cursors is bounded; text
// from the wire is printed without control characters.

import {
  type CommandView,
  condenseFrame,
  DecodeError,
  Frame,
  inflate,
  OPCODE,
  opcodeName,
  type ReplyView,
  readCompressedHeader,
  readSkimmedReply,
  readSkimmedRequest,
  SKIM_WHOLE_BYTES,
  type SkimmedCounts,
  Skimmer,
  type SkimSide,
} from '../../codecs/index.ts';
import type { ConversationReader } from '../capture/recogniser.ts';
import { NO_CALL_SITE } from '../core/operation.ts';
import { outcomeOf } from '../core/reply-result.ts';
import type { CallSites } from '../filters/call-sites.ts';
import { cleanLabel } from '../stats/label.ts';

interface Asked {
  readonly command: CommandView;
  readonly callSite: string;
  readonly atMs: number;
}

const MAX_ASKED = 1000;
const MAX_CURSORS = 10_000;
const MAX_TEXT = 60;

export interface FollowParts {
  readonly callSites: CallSites;
  readonly print: (line: string) => void;
  /** Whether the times are of a calendar: captures; in recordings they count from their start. */
  readonly isCalendar: boolean;
}

export class FollowedConversation implements ConversationReader {
  readonly #parts: FollowParts;
  readonly #skimmers: Readonly<Record<SkimSide, Skimmer>>;
  readonly #asked: Map<number, Asked> = new Map();
  readonly #cursors: Map<bigint, string> = new Map();
  #nowMs = 0;

  constructor(parts: FollowParts) {
    this.#parts = parts;
    this.#skimmers = { client: this.#skim('client'), server: this.#skim('server') };
  }

  clientBytes(chunk: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#skimmers.client.push(chunk);
  }

  serverBytes(chunk: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#skimmers.server.push(chunk);
  }

  clientGap(nowMs: number): void {
    this.#gap('client', nowMs);
  }

  serverGap(nowMs: number): void {
    this.#gap('server', nowMs);
  }

  end(nowMs: number, by: 'client' | 'server' | 'capture'): void {
    this.#nowMs = nowMs;
    this.#print(by === 'server' ? '<' : '>', by === 'capture' ? 'the capture ends here' : `the ${by} closes`);
  }

  #gap(side: SkimSide, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#skimmers[side].gap();
    this.#print(arrowOf(side), 'bytes are missing here');
  }

  #skim(side: SkimSide): Skimmer {
    return new Skimmer(side, {
      onMessage: (frame, counts) => this.#onMessage(side, frame, counts),
      onUnread: ({ opcode, wireBytes, reason }) =>
        this.#print(arrowOf(side), `${opcodeName(opcode)}  ${wireBytes} bytes  not read: ${reason}`),
      onResync: (skipped) => this.#print(arrowOf(side), `${skipped} bytes passed over to the next message`),
      onEnd: (reason) => this.#print(arrowOf(side), `not read any further: ${reason}`),
    });
  }

  #onMessage(side: SkimSide, frame: Frame, counts: SkimmedCounts | null): void {
    let opcode = opcodeName(frame.opcode);
    try {
      let message = frame;
      let sums = counts;
      if (frame.opcode === OPCODE.compressed) {
        const { originalOpcode, name } = readCompressedHeader(frame);
        opcode = `${opcodeName(originalOpcode)} (${name})`;
        message = inflate(frame);
        const condensed = message.length > SKIM_WHOLE_BYTES ? condenseFrame(message) : null;
        message = condensed?.frame ?? message;
        sums = condensed?.counts ?? null;
      }
      const what = side === 'client' ? this.#request(message, sums) : this.#reply(message, sums);
      this.#print(arrowOf(side), `${opcode}  ${what}  ${frame.wireBytes} bytes`);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#print(arrowOf(side), `${opcode}  ${frame.wireBytes} bytes  not read: ${error.reason}`);
    }
  }

  #request(frame: Frame, counts: SkimmedCounts | null): string {
    // Kept until its reply, and the bytes are the caller's.
    const own = new Frame(frame.length, [Buffer.from(frame.bytes)], frame.wireBytes);
    const command = readSkimmedRequest(own, counts);
    const callSite = this.#callSiteOf(command);
    remember(this.#asked, MAX_ASKED, frame.requestId, { command, callSite, atMs: this.#nowMs });
    const { namespaceDatabase, collection } = command;
    const parts = [
      `#${frame.requestId}`,
      command.name === '' ? 'no command' : command.name,
      collection === '' ? namespaceDatabase : `${namespaceDatabase}.${collection}`,
      callSite === NO_CALL_SITE ? '' : `call site ${callSite}`,
      command.moreToCome ? 'wants no reply' : '',
      command.exhaustAllowed ? 'takes a stream' : '',
    ];
    return joined(parts);
  }

  #callSiteOf(command: CommandView): string {
    const origin = command.cursorIdType === 0 ? undefined : this.#cursors.get(command.cursorId);
    return origin ?? this.#parts.callSites.of(command);
  }

  #reply(frame: Frame, counts: SkimmedCounts | null): string {
    const asked = this.#asked.get(frame.responseTo);
    const reply = readSkimmedReply(frame, counts, asked?.command ?? null);
    if (!reply.moreToCome) this.#asked.delete(frame.responseTo);
    if (asked !== undefined && reply.hasOpenCursor)
      remember(this.#cursors, MAX_CURSORS, reply.cursorId, asked.callSite);
    const parts = [
      `answers #${frame.responseTo}`,
      asked === undefined ? 'a request that was not seen' : `(${asked.command.name})`,
      resultOf(reply),
      reply.cursorPresent ? `${reply.batchCount} documents` : '',
      reply.hasOpenCursor ? `cursor ${reply.cursorId}` : '',
      reply.moreToCome ? 'more to come' : '',
      asked === undefined ? '' : `after ${(this.#nowMs - asked.atMs).toFixed(3)} ms`,
    ];
    return joined(parts);
  }

  #print(arrow: string, text: string): void {
    this.#parts.print(`${timeText(this.#nowMs, this.#parts.isCalendar)}  ${arrow}  ${text}`);
  }
}

function arrowOf(side: SkimSide): string {
  return side === 'client' ? '>' : '<';
}

function joined(parts: readonly string[]): string {
  return parts
    .filter((part) => part !== '')
    .map((part) => cleanLabel(part, MAX_TEXT))
    .join('  ');
}

function resultOf(reply: ReplyView): string {
  if (!reply.ok) return `error ${reply.code} ${reply.codeName}`;
  const code = reply.firstWriteErrorCode || reply.writeConcernErrorCode;
  return outcomeOf(reply) === 'ok' ? 'ok' : `ok with write error ${code}`;
}

/** Keeps the latest `most`. */
function remember<Key, Value>(map: Map<Key, Value>, most: number, key: Key, value: Value): void {
  if (map.size >= most && !map.has(key)) map.delete(map.keys().next().value as Key);
  map.set(key, value);
}

/** UTC with microseconds, or milliseconds since the start. */
export function timeText(ms: number, isCalendar: boolean): string {
  if (!isCalendar) return `+${ms.toFixed(3)}`;
  const whole = Math.floor(ms);
  const micros = Math.floor((ms - whole) * 1000);
  const date = new Date(whole);
  if (Number.isNaN(date.getTime())) return '-';
  return `${date.toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}
