// The layout of the 16-byte message header, declared once.
// The data path does not use it: framer and frame read the same four numbers directly; tests hold the two equal.
// Invariant: every other layout of this folder starts with this one.

import { Parser } from 'binary-parser/dist/binary_parser.js';

/** The four numbers in front of every message, all little-endian int32. */
export interface MessageHeader {
  readonly messageLength: number;
  readonly requestId: number;
  readonly responseTo: number;
  readonly opcode: number;
}

/** A fresh parser that starts with the header; layouts are chained onto it. */
export function headerLayout(): Parser {
  return new Parser()
    .endianness('little')
    .int32('messageLength')
    .int32('requestId')
    .int32('responseTo')
    .int32('opcode');
}

/**
 * A text that ends with NUL, one character a byte. By way of hex, because binary-parser asks TextDecoder, whose `latin1` is
 * windows-1252 since Node 22 and was not before.
 */
export const TEXT_LAYOUT = {
  zeroTerminated: true,
  encoding: 'hex',
  formatter: (hex: string): string => Buffer.from(hex, 'hex').toString('latin1'),
} as const;

const LAYOUT: Parser = headerLayout();

/** Reference reader of a header. @throws RangeError below 16 bytes. */
export function readHeaderReference(bytes: Buffer): MessageHeader {
  return LAYOUT.parse(bytes) as MessageHeader;
}
