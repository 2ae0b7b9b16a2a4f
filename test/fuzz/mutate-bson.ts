// Damages documents where their elements are, and puts the lengths around the damage right again: such inputs are
// taken by the first checks and reach what lies behind them.
// Invariant: works on any bytes; where it finds no document it changes nothing.

import { DecodeError, ElementCursor } from '../../codecs/index.ts';
import { lengthFields } from './length-fields.ts';
import type { Random } from './random.ts';

interface ElementPlace {
  /** Offset of the type byte and behind the value. */
  readonly start: number;
  readonly end: number;
  readonly valueStart: number;
  /** Offsets of the lengths of all documents around it. */
  readonly around: readonly number[];
}

const MAX_PLACES = 400;
const MAX_LEVELS = 12;
const TYPES: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 127, 255, 0, 20];

/** Elements of one document of the input, on all levels; none if the chosen one is not well-formed. */
function placesOf(bytes: Buffer, random: Random): ElementPlace[] {
  const roots = lengthFields(bytes).filter((at) => {
    const length = bytes.readInt32LE(at);
    return length > 5 && bytes[at + length - 1] === 0;
  });
  const places: ElementPlace[] = [];
  // Outer documents come first and hold the others: mostly one of those.
  const root = random.oneIn(2) ? roots[0] : roots[random.below(roots.length)];
  if (root !== undefined) {
    try {
      collect(bytes, root, [root], places);
    } catch (error) {
      if (!(error instanceof DecodeError)) {
        throw error;
      }
    }
  }
  return places;
}

function collect(bytes: Buffer, at: number, around: readonly number[], places: ElementPlace[]): void {
  const cursor = new ElementCursor(bytes, at, bytes.length);
  while (cursor.next() && places.length < MAX_PLACES) {
    const { type, nameStart, valueStart, valueEnd } = cursor;
    places.push({ start: nameStart - 1, end: valueEnd, valueStart, around });
    if ((type === 3 || type === 4) && around.length < MAX_LEVELS) {
      collect(bytes, valueStart, [...around, valueStart], places);
    }
  }
}

/** Replaces an element (or, `whole` false, puts something before it) and corrects the lengths in front of it. */
function replace(bytes: Buffer, { start, end: valueEnd, around }: ElementPlace, by: Buffer, whole: boolean): Buffer {
  const end = whole ? valueEnd : start;
  const changed = Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)]);
  for (const at of around) {
    changed.writeInt32LE(changed.readInt32LE(at) + by.length - (end - start), at);
  }
  return changed;
}

/** Another element's bytes, of this input or of another one. */
function borrowed(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const source = random.oneIn(2) ? bytes : random.pick(others);
  const places = placesOf(source, random);
  if (places.length === 0) {
    return Buffer.alloc(0);
  }
  const { start, end } = random.pick(places);
  return source.subarray(start, end);
}

/** Removes, repeats, exchanges, retypes or refills one element. */
export function mutateElement(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const places = placesOf(bytes, random);
  if (places.length === 0) {
    return bytes;
  }
  const place = random.pick(places);
  const { start, end, valueStart } = place;
  switch (random.below(6)) {
    case 0:
      return replace(bytes, place, Buffer.alloc(0), true);
    case 1: {
      const copies = Array.from({ length: random.small(10) }, () => bytes.subarray(start, end));
      return replace(bytes, place, Buffer.concat(copies), false);
    }
    case 2:
      return replace(bytes, place, borrowed(bytes, random, others), true);
    case 3:
      return replace(bytes, place, borrowed(bytes, random, others), false);
    case 4:
      bytes[start] = random.pick(TYPES);
      return bytes;
    default:
      for (let at = valueStart; at < Math.min(end, valueStart + random.small(12)); at++) {
        bytes[at] = random.oneIn(3) ? 0 : random.next();
      }
      return bytes;
  }
}
