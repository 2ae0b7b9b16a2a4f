// Capture files and recordings: what people hand to `weir decode`.
// Invariant: the size of the pieces in which a file is read changes nothing.

import { CaptureError } from '../../../src/capture/packet.ts';
import { RecordingError } from '../../../src/recording/format.ts';
import { RecordingReader } from '../../../src/recording/reader.ts';
import { readCapture } from '../../support/capture-reading.ts';
import { LINK_TYPE, pcapFile, pcapngFile, recordsOf } from '../../support/capture-writer.ts';
import { reorder, repeat, ScriptedConnection, seededRandom } from '../../support/tcp-script.ts';
import type { Corpus } from '../corpus.ts';
import type { Family } from '../growth.ts';
import type { Random } from '../random.ts';
import type { Target } from '../target.ts';

// --- Captures -----------------------------------------------------------------------------------------------------

const SEED_MESSAGES = 6;

/** One connection that sends these messages back and forth, in small segments, some of them twice or out of order. */
function packetsOf(messages: readonly Buffer[], index: number): ReturnType<typeof repeat> {
  const connection = new ScriptedConnection({ segmentBytes: 60 + index * 50, clientPort: 40_000 + index });
  if (index % 2 === 0) {
    connection.open(1000);
  }
  for (const [place, message] of messages.entries()) {
    connection.send(place % 2 === 0, message, 1001 + place);
  }
  connection.close(1100);
  const random = seededRandom(index);
  return repeat(reorder(connection.packets, random, 1 + (index % 3), 3), random, 0.2);
}

/** Generated files in every link layer and both forms, beside those of the corpus. */
function capturesOf({ captures, messages }: Corpus): readonly Buffer[] {
  const made = Object.values(LINK_TYPE).flatMap((linkType, index) => {
    const start = (index * SEED_MESSAGES) % messages.length;
    const records = recordsOf(packetsOf(messages.slice(start, start + SEED_MESSAGES), index), linkType);
    const options = { linkType, bigEndian: index % 2 === 1, nanoseconds: index % 3 === 0 };
    return [pcapFile(records, options), pcapngFile(records, options)];
  });
  return [...captures, ...made];
}

const STEPS: readonly number[] = [1, 7, 100, 1500, 1_000_000, 1_000_000];

function readFile(input: Buffer, random: Random): unknown {
  const { conversations, counts, left, badRecords } = readCapture(input, { step: random.pick(STEPS) });
  return [conversations, { ...counts }, left, badRecords];
}

/** Many packets of one connection: in order, and each one far ahead of the one before. */
const CAPTURE_FAMILIES: readonly Family[] = [
  { name: 'packets', make: (count) => scripted(count, 1) },
  { name: 'packets in wild order', make: (count) => scripted(count, 64) },
];

function scripted(count: number, reach: number): Buffer {
  const connection = new ScriptedConnection({ segmentBytes: 100 }).open(1000);
  connection.send(true, Buffer.concat(Array.from({ length: count * 5 }, () => PING)), 1001);
  return pcapFile(recordsOf(reorder(connection.packets, seededRandom(1), reach, 4)));
}

/** `{ping: 1}` as an OP_MSG of 36 bytes. */
const PING = Buffer.from('240000000100000000000000dd0700000000000000' + '0f0000001070696e67000100000000', 'hex');

// --- Recordings ---------------------------------------------------------------------------------------------------

const RECORDING_SEED_CHARACTERS = 6000;

/** The beginnings of recordings, ended where a line ends. */
function recordingsOf({ recordings }: Corpus): readonly Buffer[] {
  const beginnings = recordings.map((bytes) => {
    const text = bytes.toString('latin1', 0, RECORDING_SEED_CHARACTERS);
    return Buffer.from(text.slice(0, text.lastIndexOf('\n') + 1), 'latin1');
  });
  return [...beginnings, Buffer.from(recordingOf(3))];
}

function recordingOf(count: number): string {
  const events = Array.from({ length: count }, (_, i) => `+${String(i)}.5 1 > 10000000 00*8\n    dd070000 # x\n`);
  return `# weir conversation 1\n# name: made\n\n+0 1 open main -\n${events.join('')}+${String(count)} 1 end closed\n`;
}

function readRecording(input: Buffer, random: Random): unknown {
  const seen: unknown[] = [];
  const reader = new RecordingReader((item) => seen.push(item));
  const text = input.toString('latin1');
  const longest = random.pick([text.length, 1000, 50, 1]);
  for (let at = 0; at < text.length; ) {
    const end = at + 1 + random.below(longest);
    reader.push(text.slice(at, end));
    at = end;
  }
  reader.finish();
  return seen;
}

const RECORDING_FAMILIES: readonly Family[] = [
  { name: 'events', make: (count) => Buffer.from(recordingOf(count)) },
  { name: 'headers', make: (count) => Buffer.from(`# weir conversation 1\n${'# a: b\n'.repeat(count)}`) },
  {
    name: 'a chunk of many lines',
    make: (count) => Buffer.from(`# weir conversation 1\n+0 1 >\n${' 00 11\n'.repeat(count)}`),
  },
];

export const CAPTURE_TARGETS: readonly Target[] = [
  {
    name: 'capture',
    seeds: capturesOf,
    families: CAPTURE_FAMILIES,
    read: readFile,
    refusalOf: (error) => (error instanceof CaptureError ? `${error.message}@${String(error.offset)}` : null),
  },
  {
    name: 'recording',
    seeds: recordingsOf,
    families: RECORDING_FAMILIES,
    read: readRecording,
    refusalOf: (error) => (error instanceof RecordingError ? error.message : null),
  },
];
