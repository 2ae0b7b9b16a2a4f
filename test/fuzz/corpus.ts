// What the fuzzer starts from: every frame, malformed frame, conversation and capture under fixtures/, and documents in them.
// Does not judge them. Invariant: the order depends on file names only, so that a seed means the same input everywhere.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Frame, readCommand, readReply } from '../../codecs/index.ts';
import { readRecording } from '../../src/recording/reader.ts';
import { readHexFolder } from '../support/hex.ts';
import { FAMILIES } from './growth.ts';
import { MAX_INPUT_BYTES } from './mutate.ts';

const LONGEST_RECORDED_BYTES = 4096;
const MOST_OF_A_RECORDING = 25;
/** Families of growing messages, still small: shapes that no recorded client sends. */
const FAMILY_COUNT = 7;
/** Just allowed, just not, and as deep as an input of the fuzzer can be. */
const LEVELS: readonly number[] = [100, 198, 199, 200, 201, 7000];
const LEVEL_BYTES = 8;
const MESSAGE_HEAD_BYTES = 21;
const OP_MSG = 2013;
const FIXTURES = new URL('../../fixtures/', import.meta.url);

export interface Corpus {
  /** Whole messages in both directions, good ones first. */
  readonly messages: readonly Buffer[];
  /** BSON documents: the bodies of those messages. */
  readonly documents: readonly Buffer[];
  /** Bytes of capture files (pcap, pcapng). */
  readonly captures: readonly Buffer[];
  /** Recorded conversations in their text form. */
  readonly recordings: readonly Buffer[];
}

/** Files of a folder under fixtures/ whose name ends so, with their bytes; none if there is no such folder. */
function filesOf(folder: string, endings: readonly string[]): Buffer[] {
  const directory = new URL(`${folder}/`, FIXTURES);
  if (!existsSync(directory)) {
    return [];
  }
  return readdirSync(directory)
    .filter((file) => endings.some((ending) => file.endsWith(ending)))
    .sort()
    .map((file) => readFileSync(new URL(file, directory)));
}

/** The command document of a message, or null where it has none that can be read. */
function bodyOf(message: Buffer): Buffer | null {
  for (const read of [readCommand, readReply]) {
    try {
      return Buffer.from(read(Frame.of(Buffer.from(message))).body);
    } catch {
      // Not that kind of message, or malformed on purpose: the corpus holds both.
    }
  }
  return null;
}

/** Frames of a folder; none if there is no such folder. */
function readFolder(folder: string): Buffer[] {
  return existsSync(new URL(`${folder}/`, FIXTURES)) ? readHexFolder(folder).map(({ bytes }) => bytes) : [];
}

/** Messages of a recording that tell something new: one of each size. */
function messagesOf(recording: Buffer): Buffer[] {
  const bySize = new Map<number, Buffer>();
  for (const item of readRecording(recording.toString('utf8'))) {
    if (item.kind === 'chunk' && item.bytes.length <= LONGEST_RECORDED_BYTES && bySize.size < MOST_OF_A_RECORDING) {
      bySize.set(item.bytes.length, item.bytes);
    }
  }
  return [...bySize.values()];
}

/** `{ping: 1, a: {a: {a: …}}}` in an OP_MSG; written by hand, because a library that recurses would not. */
function nestedMessage(levels: number): Buffer {
  const message = Buffer.alloc(MESSAGE_HEAD_BYTES + 14 + levels * LEVEL_BYTES + 12);
  const end = message.length;
  message.writeInt32LE(end, 0);
  message.writeInt32LE(OP_MSG, 12);
  const body = MESSAGE_HEAD_BYTES;
  message.writeInt32LE(end - body, body);
  message.write('\x10ping\0\x01', body + 4, 'latin1');
  // A level is type, name and length in front, and one zero behind all that is inside.
  for (let level = 0; level < levels; level++) {
    const at = body + 14 + level * (LEVEL_BYTES - 1);
    message.write('\x03a\0', at, 'latin1');
    message.writeInt32LE(5 + (levels - 1 - level) * LEVEL_BYTES, at + 3);
  }
  message.write('\x02$db\0\x02\0\0\0a', end - 12, 'latin1');
  return message;
}

export function loadCorpus(): Corpus {
  const recordings = filesOf('conversations', ['.txt']);
  const messages = [
    ...['frames', 'malformed', 'malformed/legacy'].flatMap(readFolder),
    ...recordings.flatMap(messagesOf),
    ...FAMILIES.map(({ make }) => make(FAMILY_COUNT)),
    ...LEVELS.map(nestedMessage),
  ].filter((bytes) => bytes.length >= 16);
  return {
    messages,
    documents: messages.map(bodyOf).filter((body) => body !== null),
    captures: filesOf('captures', ['.pcap', '.pcapng']).filter((bytes) => bytes.length <= MAX_INPUT_BYTES),
    recordings,
  };
}
