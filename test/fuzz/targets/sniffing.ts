// What reads one direction of traffic that passes by: the skimmer, and the condenser of large messages.
// Does not pair requests with replies: conversations.ts does. Invariant: how the bytes are cut changes nothing, and
// nothing is held beyond the stated bounds.

import assert from 'node:assert/strict';
import {
  condenseFrame,
  Frame,
  Framer,
  MAX_MESSAGE_BYTES,
  readAnyReply,
  readAnyRequest,
  readSkimmedReply,
  readSkimmedRequest,
  type SkimmedCounts,
  Skimmer,
  type SkimSide,
} from '../../../codecs/index.ts';
import { describeCommand, describeReply } from '../../unit/codecs/check.ts';
import { cut } from '../chunks.ts';
import { STREAM_FAMILIES } from '../growth.ts';
import type { Random } from '../random.ts';
import type { Target } from '../target.ts';
import { frameTarget } from './messages.ts';
import { streamsOf } from './streams.ts';

// --- One direction ------------------------------------------------------------------------------------------------

/** A compressed message that is collected; all else is held in less. */
export const MOST_HELD_BYTES: number = MAX_MESSAGE_BYTES + 131_072;

/** Sizes of the messages in a stream, by the framer, and whether its framing is lost at the end. */
function frameSizes(input: Buffer): { readonly sizes: readonly number[]; readonly isLost: boolean } {
  const sizes: number[] = [];
  const framer = new Framer({ onFrame: (frame) => sizes.push(frame.length), accepts: () => true });
  try {
    framer.push(Buffer.from(input));
    return { sizes, isLost: false };
  } catch {
    return { sizes, isLost: true };
  }
}

function skim(side: SkimSide, input: Buffer, random: Random): unknown {
  const seen: unknown[] = [];
  const sizes: number[] = [];
  let end = '';
  const skimmer = new Skimmer(side, {
    // The frame may share the chunk, which is another one in another cut: its bytes are copied.
    onMessage: (frame, counts) => {
      sizes.push(frame.wireBytes);
      seen.push([Buffer.from(frame.bytes), counts === null]);
    },
    onUnread: (message) => {
      sizes.push(message.wireBytes);
      seen.push(message);
    },
    onResync: () => assert.fail('nothing is missing'),
    onEnd: (reason) => {
      end = reason;
    },
  });
  let given = 0;
  for (const chunk of cut(input, random)) {
    const before = Buffer.from(chunk);
    skimmer.push(chunk);
    given += chunk.length;
    assert.ok(chunk.equals(before), 'the chunk was changed');
    assert.ok(skimmer.heldBytes <= Math.min(MOST_HELD_BYTES, 2 * given + 131_072), 'holds too much');
  }
  seen.push(skimmer.isBetweenMessages);
  skimmer.stop();
  assert.equal(skimmer.heldBytes, 0);
  if (end !== 'tls' && end !== 'http') {
    assert.deepEqual({ sizes, isLost: end === 'lost_framing' }, frameSizes(input), 'the framer sees other messages');
  }
  return [seen, sizes, end];
}

/** A capture's gap in front of everything: the search for a header, from any byte on. */
function search(input: Buffer, random: Random): unknown {
  const seen: number[] = [];
  const skimmer = new Skimmer('client', {
    onMessage: (frame) => seen.push(frame.wireBytes),
    onUnread: ({ wireBytes }) => seen.push(wireBytes),
    onResync: (skippedBytes) => seen.push(-skippedBytes),
    onEnd: () => assert.fail('after a gap there is always another try'),
  });
  skimmer.gap();
  for (const chunk of cut(input, random)) {
    skimmer.push(chunk);
    assert.ok(skimmer.heldBytes <= MOST_HELD_BYTES);
  }
  // Where a header is confirmed by the end of a chunk the cut matters: only the bounds are promised.
  return seen.every((bytes) => Number.isInteger(bytes));
}

// --- Large messages -----------------------------------------------------------------------------------------------

const COUNTED = [
  'documents',
  'updates',
  'deletes',
  'ops',
  'nsInfo',
  'firstBatch',
  'nextBatch',
  'writeErrors',
  'upserted',
];

function describeCounts(counts: SkimmedCounts): readonly number[] {
  return COUNTED.map((name) => counts.of(name));
}

/** Condensed in any pieces it is the same; the header is whole in the first piece, as frames demand. */
function readCondensed(input: Buffer, random: Random): unknown {
  // Goes by the length in the header, which is the frame's wherever a framer or an inflation made it.
  if (input.length < 16 || input.readInt32LE(0) !== input.length) {
    return null;
  }
  const pieces = [Buffer.from(input.subarray(0, 16)), ...cut(input.subarray(16), random)];
  const condensed = condenseFrame(new Frame(input.length, pieces));
  return condensed === null ? null : [condensed.frame.bytes, describeCounts(condensed.counts)];
}

/** Small messages have nothing that is left out: whoever takes both forms sees the same command or reply. */
function compareCondensed(frame: Frame): unknown {
  const condensed = frame.bytes.readInt32LE(0) === frame.length ? condenseFrame(frame) : null;
  if (condensed === null) {
    return null;
  }
  const { frame: small, counts } = condensed;
  return [
    compareViews(
      () => describeCommand(readAnyRequest(frame)),
      () => describeCommand(readSkimmedRequest(small, counts)),
    ),
    compareViews(
      () => describeReply(readAnyReply(frame)),
      () => describeReply(readSkimmedReply(small, counts)),
    ),
  ];
}

/** Where something lies and how the message was sent differs in the condensed form. */
const PLACES = /(?:Start|End|Offset|EndsAt|Bytes)$|^(?:checksumPresent|knownStatements|sequences)$/;

function compareViews(whole: () => Record<string, unknown>, small: () => Record<string, unknown>): unknown {
  const [expected, seen] = [attempt(whole), attempt(small)];
  if (expected === null || seen === null) {
    return [expected === null, seen === null];
  }
  const meaning = (view: Record<string, unknown>): unknown =>
    Object.fromEntries(Object.entries(view).filter(([name]) => !PLACES.test(name)));
  assert.deepEqual(meaning(seen), meaning(expected));
  return seen['name'];
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    // What a reader may throw is another target's business.
    return null;
  }
}

export const SNIFFING_TARGETS: readonly Target[] = [
  {
    name: 'skimmer-client',
    seeds: streamsOf,
    families: STREAM_FAMILIES,
    read: (input, random) => skim('client', input, random),
  },
  {
    name: 'skimmer-server',
    seeds: streamsOf,
    families: STREAM_FAMILIES,
    read: (input, random) => skim('server', input, random),
  },
  { name: 'skimmer-search', seeds: streamsOf, families: STREAM_FAMILIES, read: search },
  { ...frameTarget('condense', () => null), read: readCondensed },
  frameTarget('condensed-views', compareCondensed),
];
