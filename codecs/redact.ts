// A message with its shape kept and its values replaced, so that traffic can be written down and given away.
// Does not know who the peers are nor which request a reply answers. Invariants: never throws; what cannot be read is
// replaced by its header and zeros; ids, sizes and counts stay what they were on the wire.

import { writeInt32 } from './bytes.ts';
import { inflate, readCompressedHeader } from './compressed.ts';
import { crc32c } from './crc32c.ts';
import { ElementCursor } from './element-cursor.ts';
import { DecodeError, refuse } from './errors.ts';
import { Frame } from './frame.ts';
import { HEADER_BYTES } from './limits.ts';
import { MSG_FLAG, scanOpMsg } from './op-msg.ts';
import { REPLY_DOCUMENT_AT } from './op-reply.ts';
import { OPCODE } from './opcode.ts';
import { redactCommand, redactDocuments } from './redact-command.ts';
import { redactLegacy, redactOpQuery } from './redact-legacy.ts';
import { isSecretCommand, type Rule, replyRules, requestRule } from './redact-rules.ts';
import { redactFields } from './redact-walk.ts';

export interface RedactOptions {
  readonly from: 'client' | 'server';
  /** Only what proves an identity or describes the client's machine is taken out. */
  readonly keepsValues: boolean;
  /** It answers a command whose content is secret. */
  readonly isSecretReply?: boolean;
  /** A compressed message that would be larger than this, in bytes, is not read. */
  readonly maxInflatedBytes: number;
}

/** The redacted message. `isSecret`: it is a request whose reply must be redacted with isSecretReply. */
export interface Redacted {
  readonly bytes: Buffer;
  readonly isSecret: boolean;
}

/**
 * A redacted copy; the frame is not changed. It has the frame's length, header and checksum flag (the checksum is right
 * again); a compressed message comes out inflated.
 */
export function redactMessage(frame: Frame, options: RedactOptions): Redacted {
  try {
    return redactPlain(plainCopy(frame, options.maxInflatedBytes), options);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const bytes = Buffer.alloc(frame.length);
    bytes.set(frame.bytes.subarray(0, HEADER_BYTES));
    // Its reply is as unknown as itself.
    return { bytes, isSecret: true };
  }
}

function plainCopy(frame: Frame, maxInflatedBytes: number): Buffer {
  if (frame.opcode !== OPCODE.compressed) return Buffer.from(frame.bytes);
  const header = readCompressedHeader(frame);
  return header.uncompressedSize > maxInflatedBytes
    ? refuse('bad_compressed_size', HEADER_BYTES)
    : Buffer.from(inflate(frame, header).bytes);
}

function redactPlain(bytes: Buffer, options: RedactOptions): Redacted {
  const { opcode } = Frame.of(bytes);
  switch (opcode) {
    case OPCODE.msg:
      return { bytes, isSecret: redactOpMsg(bytes, options) };
    case OPCODE.query:
      return { bytes, isSecret: redactOpQuery(bytes, options) };
    case OPCODE.reply:
      redactDocuments(bytes, REPLY_DOCUMENT_AT, replyRules(options.isSecretReply === true, options.keepsValues));
      return { bytes, isSecret: false };
    default:
      return { bytes, isSecret: redactLegacy(bytes, opcode, options) };
  }
}

/** Whether it is a secret request. */
function redactOpMsg(bytes: Buffer, options: RedactOptions): boolean {
  const layout = scanOpMsg(bytes);
  const { keepsValues } = options;
  let name = '';
  if (options.from === 'server') {
    redactFields(
      new ElementCursor(bytes, layout.bodyStart, layout.bodyEnd),
      replyRules(options.isSecretReply === true, keepsValues),
    );
  } else {
    name = redactCommand(bytes, layout.bodyStart, layout.bodyEnd, keepsValues);
  }
  for (const { nameStart, nameEnd, documentsStart, documentsEnd } of layout.sequences) {
    const rule: Rule = requestRule(name, bytes.toString('latin1', nameStart, nameEnd), keepsValues);
    redactDocuments(bytes, documentsStart, rule, documentsEnd);
  }
  if ((layout.flagBits & MSG_FLAG.checksumPresent) !== 0) {
    writeInt32(bytes, bytes.length - 4, crc32c(bytes, 0, bytes.length - 4));
  }
  return isSecretCommand(name);
}
