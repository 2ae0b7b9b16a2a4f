// The sizes that bound everything a peer may send, each with its source.
// Does not check anything itself: framer and scanners do.
// Invariant: nothing here depends on configuration; configured limits may only be smaller.

/** Bytes of a message header: messageLength, requestID, responseTo, opCode (wire protocol). */
export const HEADER_BYTES = 16;

/** Largest whole message in bytes, header included; decimal, not MiB (server: MaxMessageSizeBytes). */
export const MAX_MESSAGE_BYTES = 48_000_000;

/** Where OP_COMPRESSED keeps its compressor, behind the header, original opcode and uncompressed size. */
export const COMPRESSOR_ID_AT: number = HEADER_BYTES + 8;

/** Where the compressed bytes begin. */
export const COMPRESSED_PAYLOAD_AT: number = COMPRESSOR_ID_AT + 1;

/** Largest command document in bytes: a 16 MiB user document plus 16 KiB (server_write_commands specification). */
export const MAX_DOCUMENT_BYTES = 16_793_600;

/** Deepest nesting of documents and arrays that is walked (server default: 200). */
export const MAX_NESTING = 200;

/** Most document sequences in one OP_MSG (server: TooManyDocumentSequences 233). */
export const MAX_SEQUENCES = 2;

/** Longest database name in bytes (server: MaxDatabaseNameLength, 64 excluded). */
export const MAX_DATABASE_NAME_BYTES = 63;
