// The one way a frame case is tried: whole, cut at every byte, byte by byte, with a follower, truncated at every byte.
// Does not know what the right answer is: the case brings it.
// Invariant: a reader that throws anything but DecodeError fails the case, whatever the bytes.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import {
  type CommandView,
  DecodeError,
  encodeMessage,
  Frame,
  Framer,
  type ReplyView,
  readCommand,
  readReply,
} from '../../../codecs/index.ts';

/** Frames that a framer delivers for these chunks. */
export function frameAll(chunks: readonly Buffer[]): Frame[] {
  const frames: Frame[] = [];
  const framer = new Framer({ onFrame: (frame) => frames.push(frame) });
  for (const chunk of chunks) {
    framer.push(chunk);
  }
  return frames;
}

/** The bytes in pieces, cut at these offsets; copies, so that no piece can see its neighbour. */
export function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const edges = [0, ...cuts, bytes.length];
  return edges.slice(1).map((edge, index) => Buffer.from(bytes.subarray(edges[index], edge)));
}

/** What reading gives: the described view, or the DecodeError's reason. Anything else that is thrown passes through. */
export function outcomeOf(read: (frame: Frame) => unknown, frame: Frame): unknown {
  try {
    return read(frame);
  } catch (error) {
    if (error instanceof DecodeError) {
      return `refused: ${error.reason}`;
    }
    throw error;
  }
}

/** The view that stands beside a fixture as JSON. UPDATE_GOLDEN=1 rewrites it from what is read now. */
export function goldenOf(name: string, bytes: Buffer, read: (frame: Frame) => unknown): unknown {
  const file = new URL(`../../../fixtures/frames/${name}.json`, import.meta.url);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    writeFileSync(file, `${JSON.stringify(outcomeOf(read, Frame.of(bytes)), null, 2)}\n`);
  }
  assert.ok(existsSync(file), `${name}.json is missing: run with UPDATE_GOLDEN=1 and review it`);
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** Tries one whole message in every cut; `expected` is what {@link outcomeOf} gives for it. */
export function check(bytes: Buffer, read: (frame: Frame) => unknown, expected: unknown): void {
  assert.deepEqual(outcomeOf(read, Frame.of(Buffer.from(bytes))), expected, 'whole');
  const follower = encodeMessage({ ping: 1, $db: 'admin' }, 99, 0);
  const both = Buffer.concat([bytes, follower]);
  const ways: Buffer[][] = [[both], cutAt(both, range(1, both.length - 1))];
  for (let cut = 1; cut < both.length; cut++) {
    ways.push(cutAt(both, [cut]));
  }
  for (const chunks of ways) {
    const [first, second, ...rest] = frameAll(chunks);
    assert.ok(first !== undefined && second !== undefined && rest.length === 0, 'two frames');
    assert.deepEqual(outcomeOf(read, first), expected, `cut after ${chunks[0]?.length}`);
    assert.ok(first.bytes.equals(bytes) && second.bytes.equals(follower), 'bytes are kept');
  }
  for (let length = 0; length < bytes.length; length++) {
    truncated(bytes, length, read);
  }
}

/** A stream that stops gives no frame; a message that claims to be whole but is cut gives a DecodeError or less. */
function truncated(bytes: Buffer, length: number, read: (frame: Frame) => unknown): void {
  const cut = Buffer.from(bytes.subarray(0, length));
  assert.equal(frameAll([cut]).length, 0);
  if (length >= 16) {
    cut.writeInt32LE(length, 0);
    outcomeOf(read, Frame.of(cut));
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** Every own field but the frame and offsets, plus every lazy value, in a form that JSON keeps. */
export function describeCommand(view: CommandView): Record<string, unknown> {
  return clean({
    ...plain(view),
    lsidKey: Buffer.from(view.lsidKey, 'latin1').toString('hex'),
    txnNumber: String(view.txnNumber),
    cursorId: String(view.cursorId),
    cursorIds: view.cursorIds.map(String),
    commentValue: view.commentValue ?? null,
    statementCount: view.statementCount,
    mayUseMore: view.mayUseMore,
    namespaces: view.namespaces(),
    bodyBytes: view.body.length,
    bodyEndsAt: view.document.end,
  });
}

export function describeReply(view: ReplyView): Record<string, unknown> {
  return clean({
    ...plain(view),
    codeName: view.codeName,
    errmsg: view.errmsg,
    retryable: view.hasLabel('RetryableWriteError'),
    cursorId: String(view.cursorId),
    cursorNamespace: view.cursorNamespace,
    processId: view.processId,
    bodyBytes: view.body.length,
    bodyEndsAt: view.document.end,
  });
}

export const readAndDescribeCommand = (frame: Frame): unknown => describeCommand(readCommand(frame));
export const readAndDescribeReply = (frame: Frame): unknown => describeReply(readReply(frame));

/** What was counted while a large message passed shows in the lazy values. */
const LEFT_OUT: ReadonlySet<string> = new Set(['frame', 'row', 'knownCursors', 'knownUses']);

function plain(view: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(view).filter(([key]) => !LEFT_OUT.has(key)));
}

function clean(description: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(description)) as Record<string, unknown>;
}
