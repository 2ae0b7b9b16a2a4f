// One comment for people above each recorded message: what it is, in a few words.
// Nobody reads it back. Invariant: it is made of the redacted message, and never throws.

import { DecodeError, type Frame, opcodeName, readAnyReply, readAnyRequest } from '../../codecs/index.ts';

/** Such as `OP_MSG 7: insert shop.orders` or `OP_MSG 12 to 7: ok`. */
export function remarkOf(frame: Frame, from: 'client' | 'server'): string {
  const name = `${opcodeName(frame.opcode)} ${frame.requestId}`;
  return from === 'client' ? `${name}: ${request(frame)}` : `${name} to ${frame.responseTo}: ${reply(frame)}`;
}

function request(frame: Frame): string {
  try {
    const { name, database, collection } = readAnyRequest(frame);
    return `${name === '' ? 'query' : name} ${database}${collection === '' ? '' : `.${collection}`}`;
  } catch (error) {
    return refusal(error);
  }
}

function reply(frame: Frame): string {
  try {
    const { ok, code, codeName } = readAnyReply(frame);
    return ok ? 'ok' : `error ${code} ${codeName}`.trimEnd();
  } catch (error) {
    return refusal(error);
  }
}

function refusal(error: unknown): string {
  if (!(error instanceof DecodeError)) throw error;
  return `not readable: ${error.reason}`;
}
