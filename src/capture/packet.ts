// One packet of a capture file as the readers hand it on. Holds no bytes of its own.
// Invariant: start <= end <= bytes.length; valid only during the call that hands it over.

/** Reused for every packet: the bytes are those of the reader's window. */
export class CapturedPacket {
  bytes: Buffer = Buffer.alloc(0);
  /** First captured byte: the link layer header. */
  start = 0;
  /** Behind the last captured byte. */
  end = 0;
  /** Bytes on the wire; more than end - start where the snap length cut. */
  originalLength = 0;
  /** Milliseconds since 1970, with fractions. */
  timeMs = 0;
  /** LINKTYPE_ number of the interface. */
  linkType = 0;
}

/** Takes each packet of a file, in order. */
export type PacketSink = (packet: CapturedPacket) => void;

/** A capture that cannot be read on. `offset` is the place in the file, in bytes. */
export class CaptureError extends Error {
  readonly offset: number;

  /** @param sentence what is wrong there, and what to do; names no file. */
  constructor(sentence: string, offset: number) {
    super(sentence);
    this.name = 'CaptureError';
    this.offset = offset;
  }
}

/** Reads one file, window by window. */
export interface PacketReader {
  /**
   * Reads the whole records of bytes[start, end) and returns where the first incomplete one starts. The caller keeps
   * the rest in front of what it reads next; a window of LARGEST_RECORD_BYTES always holds a whole record.
   * @throws CaptureError where the file makes no sense any more
   */
  read(bytes: Buffer, start: number, end: number): number;
  /** Place in the file of the byte that read() returned last. */
  readonly offset: number;
  /** Records that made no sense by themselves and were passed over. */
  readonly badRecords: number;
}

/** No capturing program writes more than 262 144 bytes of a packet; beyond this the length is not a length. */
export const LARGEST_PACKET_BYTES = 1_048_576;
/** Headers and options that may surround the packet. */
export const LARGEST_RECORD_BYTES: number = LARGEST_PACKET_BYTES + 65_536;
