// Damages an input in the ways in which bytes go wrong: flipped, overwritten, cut, grown, spliced, lengths that lie.
// Knows no format except that a little-endian int32 which fits the rest of the input is probably a length, and that
// much of the input is BSON (mutate-bson.ts).
// Invariant: the original is never changed, the result is never larger than MAX_INPUT_BYTES.

import { lengthFields } from './length-fields.ts';
import { mutateElement } from './mutate-bson.ts';
import type { Random } from './random.ts';

/** Inputs stay small, so that a run is many inputs; large ones are the work meter's. */
export const MAX_INPUT_BYTES = 65_536;

type Mutation = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

const LYING_LENGTHS: readonly number[] = [0, -1, 1, 2, 3, 4, 5, 6, 12, 13, 15, 16, 255, 65_536];
const HUGE_LENGTHS: readonly number[] = [0x7fffffff, -0x80000000, 48_000_000, 48_000_001, 16_793_601, 0x01000000];
const TELLING_BYTES: readonly number[] = [0, 1, 2, 3, 4, 5, 0x0b, 0x0c, 0x0f, 0x10, 0x12, 0x7f, 0x80, 0xff, 0x24, 0x2e];

function flipBits(bytes: Buffer, random: Random): Buffer {
  for (let left = random.small(6); left > 0 && bytes.length > 0; left--) {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
  }
  return bytes;
}

function overwrite(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length);
  const end = Math.min(bytes.length, at + random.small(8));
  for (let i = at; i < end; i++) {
    bytes[i] = random.oneIn(2) ? random.pick(TELLING_BYTES) : random.next();
  }
  return bytes;
}

function lieAboutLength(bytes: Buffer, random: Random): Buffer {
  const fields = lengthFields(bytes);
  if (fields.length === 0) {
    return overwrite(bytes, random);
  }
  const at = random.pick(fields);
  const declared = bytes.readInt32LE(at);
  const kind = random.below(4);
  if (kind === 0) {
    bytes.writeInt32LE(random.pick(LYING_LENGTHS), at);
  } else if (kind === 1) {
    bytes.writeInt32LE(random.pick(HUGE_LENGTHS), at);
  } else {
    bytes.writeInt32LE(declared + random.small(8) * (random.oneIn(2) ? 1 : -1), at);
  }
  return bytes;
}

function truncate(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, random.oneIn(2) ? random.below(bytes.length) : Math.max(bytes.length - random.small(16), 0));
}

function extend(bytes: Buffer, random: Random): Buffer {
  const more = random.small(64);
  return Buffer.concat([bytes, random.oneIn(2) ? Buffer.alloc(more) : random.bytes(more)]);
}

function remove(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.small(32))]);
}

function insert(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), random.bytes(random.small(16)), bytes.subarray(at)]);
}

function duplicate(bytes: Buffer, random: Random): Buffer {
  const start = random.below(bytes.length);
  const range = bytes.subarray(start, start + random.small(200));
  const copies = Array.from({ length: random.small(12) }, () => range);
  return Buffer.concat([bytes.subarray(0, start), ...copies, bytes.subarray(start)]);
}

function splice(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const other = random.pick(others);
  const from = random.below(other.length);
  const part = other.subarray(from, from + random.small(other.length + 1));
  const at = random.below(bytes.length + 1);
  const over = random.oneIn(2) ? part.length : random.small(16);
  return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at + over)]);
}

function append(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  return Buffer.concat([bytes, random.pick(others)]);
}

/** In-place damage is listed more often: it leaves the structure around it readable, so it is met deeper inside. */
const MUTATIONS: readonly Mutation[] = [
  mutateElement,
  mutateElement,
  mutateElement,
  mutateElement,
  mutateElement,
  mutateElement,
  flipBits,
  flipBits,
  overwrite,
  overwrite,
  overwrite,
  lieAboutLength,
  lieAboutLength,
  lieAboutLength,
  truncate,
  extend,
  remove,
  insert,
  duplicate,
  splice,
  append,
];

/** A damaged copy of `original`; `others` are what it may be spliced with. */
export function mutate(original: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let bytes: Buffer = Buffer.from(original);
  for (let left = random.small(4); left > 0; left--) {
    bytes = bytes.length === 0 ? random.bytes(random.small(32)) : random.pick(MUTATIONS)(bytes, random, others);
  }
  return Buffer.from(bytes.subarray(0, MAX_INPUT_BYTES));
}
