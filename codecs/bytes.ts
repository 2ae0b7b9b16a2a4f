// Little-endian reads and writes without the argument checks of Buffer's methods.
// Does not check bounds: the caller has compared the offset with the end of its section already.
// Invariant: an offset that slips past the end reads as 0 bits, never as memory of another frame of another buffer.

const TWO_32 = 4_294_967_296;

/** The byte at an offset that the caller knows to be inside. */
export function byteAt(bytes: Buffer, offset: number): number {
  return bytes[offset] as number;
}

/** Signed 32-bit integer. */
export function readInt32(bytes: Buffer, offset: number): number {
  return (
    byteAt(bytes, offset) |
    (byteAt(bytes, offset + 1) << 8) |
    (byteAt(bytes, offset + 2) << 16) |
    (byteAt(bytes, offset + 3) << 24)
  );
}

/** Signed 64-bit integer as a double: exact up to 2^53, rounded beyond. */
export function readInt64AsNumber(bytes: Buffer, offset: number): number {
  return readInt32(bytes, offset + 4) * TWO_32 + (readInt32(bytes, offset) >>> 0);
}

/** Writes a 32-bit integer; signed and unsigned values alike. */
export function writeInt32(bytes: Buffer, offset: number, value: number): void {
  bytes[offset] = value & 0xff;
  bytes[offset + 1] = (value >>> 8) & 0xff;
  bytes[offset + 2] = (value >>> 16) & 0xff;
  bytes[offset + 3] = (value >>> 24) & 0xff;
}

/** Whether the bytes from `start` to `end` are exactly this ASCII text. */
export function equalsAscii(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) {
    return false;
  }
  for (let i = 0; i < text.length; i++) {
    if (byteAt(bytes, start + i) !== text.charCodeAt(i)) {
      return false;
    }
  }
  return true;
}

/** Whether two ranges of the same buffer hold the same bytes. */
export function equalsRange(bytes: Buffer, start: number, end: number, other: number): boolean {
  for (let i = start, j = other; i < end; i++, j++) {
    if (bytes[i] !== bytes[j]) {
      return false;
    }
  }
  return true;
}

/** Offset of the first 0 byte at or after `start`, or -1 if there is none before `end`. */
export function findZero(bytes: Buffer, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    if (bytes[i] === 0) {
      return i;
    }
  }
  return -1;
}
