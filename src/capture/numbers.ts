// Unsigned integers out of capture files and packets, without the argument checks of Buffer's methods.
// Does not check bounds: the caller has compared the offset with the end already.
// Invariant: an offset past the buffer reads as zero bits.

/** Byte order of a capture file: that of the machine which wrote it. */
export type ByteOrder = 'little' | 'big';

/** Network byte order (big-endian). */
export function readNet16(bytes: Buffer, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** Network byte order, unsigned. */
export function readNet32(bytes: Buffer, at: number): number {
  return readNetInt32(bytes, at) >>> 0;
}

/** Network byte order as a signed number: sequence numbers are compared by the sign of their difference. */
export function readNetInt32(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** 16 bits in the order of the file. */
export function readFile16(bytes: Buffer, at: number, order: ByteOrder): number {
  return order === 'big' ? readNet16(bytes, at) : (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

/** 32 bits in the order of the file, unsigned. */
export function readFile32(bytes: Buffer, at: number, order: ByteOrder): number {
  return order === 'big' ? readNet32(bytes, at) : readLittleInt32(bytes, at) >>> 0;
}

/** 32 bits, little-endian, signed: how MongoDB writes. */
export function readLittleInt32(bytes: Buffer, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
