// The only door of codecs/: what the rest of weir may import.
// Holds no code.
// Invariant: everything here is pure: bytes to values and back, no socket, clock, log or configuration.

export * from './bson.ts';
export * from './bson-view.ts';
export { readCommand } from './command.ts';
export { COMMAND_ROWS, type CommandRow } from './command-table.ts';
export type { CommandView } from './command-view.ts';
export * from './compressed.ts';
export {
  COMPRESSORS,
  type CompressorName,
  hasCompressor,
  loadCompressors,
  REAL_COMPRESSORS,
  watchCompressors,
} from './compressors.ts';
export { DOCUMENTS_COUNT, type SkimmedCounts } from './condensed-counts.ts';
export { crc32c } from './crc32c.ts';
export * from './edit.ts';
export { BSON_TYPE, ElementCursor, skipElement } from './element-cursor.ts';
export * from './encode.ts';
export { DECODE_REASONS, DecodeError, type DecodeReason } from './errors.ts';
export { Frame } from './frame.ts';
export { type FrameHead, Framer, type FrameSink } from './framer.ts';
export { readHeaderReference } from './header.ts';
export { readAnyRequest } from './legacy.ts';
export { readLegacyReference, scanCommandReply, scanLegacy } from './legacy-layouts.ts';
export { readAnyReply } from './legacy-reply.ts';
export * from './limits.ts';
export * from './max-time.ts';
export { MAX_USES, type NamespaceUse } from './namespace-uses.ts';
export * from './op-msg.ts';
export * from './op-query.ts';
export * from './op-reply.ts';
export * from './opcode.ts';
export * from './opening.ts';
export { isPassable, PassingReply, patchResponseTo } from './passing-reply.ts';
export type { QueryKind } from './query-kind.ts';
export { type Redacted, type RedactOptions, redactMessage } from './redact.ts';
export { isStateChangeCode, readReply, STATE_CHANGES } from './reply.ts';
export type { ReplyView } from './reply-view.ts';
export * from './skimmed-views.ts';
export * from './skimmer.ts';
