// Tells a file by its first bytes and gives the reader for it. Names what people often hand over instead of a capture.
// Opens no file. Invariant: an unknown file is a sentence that says what to do, never a guess.

import { readFile32 } from './numbers.ts';
import { CaptureError, type PacketReader, type PacketSink } from './packet.ts';
import { PcapReader, pcapByteOrder } from './pcap-reader.ts';
import { PcapngReader, SECTION_BLOCK } from './pcapng-reader.ts';

/** What must be there to tell a file. */
export const MAGIC_BYTES = 4;

/** First bytes as latin1 text, and what such a file is. */
const OTHER_FORMATS: readonly (readonly [string, string])[] = [
  ['\x1f\x8b', 'it is compressed by gzip; unpack it first, or run "gzip -dc FILE | weir decode -"'],
  ['\x28\xb5\x2f\xfd', 'it is compressed by zstd; unpack it first, or run "zstd -dc FILE | weir decode -"'],
  ['\xfd7zX', 'it is compressed by xz; unpack it first, or run "xz -dc FILE | weir decode -"'],
  ['BZh', 'it is compressed by bzip2; unpack it first, or run "bzip2 -dc FILE | weir decode -"'],
  ['PK\x03\x04', 'it is a zip archive; unpack it first'],
  ['snoo', 'it is a snoop file; convert it with "editcap -F pcapng"'],
];
const NOT_A_CAPTURE =
  'it is no capture (pcap, pcapng) and no weir recording; write one with "tcpdump -w FILE port 27017"';

/** @param head the first MAGIC_BYTES or more of the file @throws CaptureError for anything but pcap and pcapng */
export function readerFor(head: Buffer, sink: PacketSink): PacketReader {
  if (head.length < MAGIC_BYTES) throw new CaptureError(`it holds ${head.length} bytes, too few for a capture`, 0);
  const order = pcapByteOrder(head);
  if (order !== null) return new PcapReader(order, sink);
  if (readFile32(head, 0, 'little') === SECTION_BLOCK) return new PcapngReader(sink);
  const start = head.toString('latin1', 0, MAGIC_BYTES);
  const known = OTHER_FORMATS.find(([magic]) => start.startsWith(magic));
  throw new CaptureError(known?.[1] ?? NOT_A_CAPTURE, 0);
}
