// CRC-32C (Castagnoli), the checksum of OP_MSG.
// Does not know where a message keeps it.
// Invariant: the table is built once from the reflected polynomial.

const REFLECTED_POLYNOMIAL = 0x82f63b78;
const TABLE: Int32Array = Int32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) {
    value = (value & 1) === 1 ? (value >>> 1) ^ REFLECTED_POLYNOMIAL : value >>> 1;
  }
  return value;
});

/** CRC-32C of the bytes from `start` to `end`, as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let crc = -1;
  for (let i = start; i < end; i++) {
    crc = (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
