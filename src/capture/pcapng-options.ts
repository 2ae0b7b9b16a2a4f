// The options of a pcapng interface that say what its timestamps mean. All other options are passed over.
// Invariant: reads nothing behind the block; what makes no sense leaves the default.

import { type ByteOrder, readFile16, readFile32 } from './numbers.ts';

/** One capturing interface of a section. */
export interface CaptureInterface extends InterfaceTimes {
  /** LINKTYPE_ number. */
  readonly linkType: number;
  /** Most bytes captured of a packet; 0: no limit. */
  readonly snapLength: number;
}

export interface InterfaceTimes {
  /** Milliseconds of one unit of a timestamp. */
  readonly unitMs: number;
  /** Milliseconds to add to each. */
  readonly offsetMs: number;
}

const END_OF_OPTIONS = 0;
const TIME_RESOLUTION = 9;
const TIME_OFFSET = 14;
const POWER_OF_TWO = 0x80;
const DEFAULT_UNIT_MS = 1e-3;

/** Reads options from `start` (code, length, value padded to 4) until `end`. */
export function readInterfaceOptions(bytes: Buffer, start: number, end: number, order: ByteOrder): InterfaceTimes {
  let unitMs = DEFAULT_UNIT_MS;
  let offsetMs = 0;
  for (let at = start; end - at >= 4; ) {
    const code = readFile16(bytes, at, order);
    const length = readFile16(bytes, at + 2, order);
    const value = at + 4;
    if (code === END_OF_OPTIONS || length > end - value) break;
    if (code === TIME_RESOLUTION && length >= 1) unitMs = unitOf(bytes[value] as number);
    if (code === TIME_OFFSET && length >= 8) offsetMs = readSeconds(bytes, value, order) * 1000;
    at = value + ((length + 3) & ~3);
  }
  return { unitMs, offsetMs };
}

/** The highest bit tells whether the rest is a negative power of two or of ten, in seconds. */
function unitOf(resolution: number): number {
  const exponent = resolution & ~POWER_OF_TWO;
  return 1000 * (resolution & POWER_OF_TWO ? 2 ** -exponent : 10 ** -exponent);
}

/** A signed 64-bit number of seconds. */
function readSeconds(bytes: Buffer, at: number, order: ByteOrder): number {
  const high = readFile32(bytes, order === 'big' ? at : at + 4, order) | 0;
  const low = readFile32(bytes, order === 'big' ? at + 4 : at, order);
  return high * 4_294_967_296 + low;
}
