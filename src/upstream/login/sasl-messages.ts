// The commands of a login as documents, and what their replies hold. It decides nothing.
// Invariant: a payload is bytes or nothing; what cannot be read is a LoginFailure or a DecodeError, never a guess.

import { Binary, type BsonDocument, deserialize, Int32 } from '../../../codecs/index.ts';
import { LoginFailure } from './login-failure.ts';
import type { ScramMechanism } from './scram.ts';

export interface SaslReply {
  /** As the server gave it: an int32 in practice. */
  readonly conversationId: unknown;
  readonly done: boolean;
  readonly payload: Uint8Array;
}

/** Without its database: that is `$db` in a message and `db` inside hello. */
export function makeSaslStart(mechanism: ScramMechanism, payload: Buffer): BsonDocument {
  return {
    saslStart: new Int32(1),
    mechanism,
    payload: new Binary(payload),
    autoAuthorize: new Int32(1),
    options: { skipEmptyExchange: true },
  };
}

export function makeSaslContinue(conversationId: unknown, payload: Buffer): BsonDocument {
  return { saslContinue: new Int32(1), conversationId, payload: new Binary(payload) };
}

/** Without a name the server takes the certificate's subject. */
export function makeAuthenticate(username: string | null): BsonDocument {
  return {
    authenticate: new Int32(1),
    mechanism: 'MONGODB-X509',
    ...(username === null ? {} : { user: username }),
  };
}

/** What a hello's reply says about logins. @throws DecodeError */
export function readHelloLogin(body: Buffer): {
  /** Null: the speculation was not answered. */
  readonly speculation: BsonDocument | null;
  /** Null: the server did not say. */
  readonly mechanisms: readonly unknown[] | null;
} {
  const hello = deserialize(body);
  const speculation: unknown = hello['speculativeAuthenticate'];
  const mechanisms: unknown = hello['saslSupportedMechs'];
  return {
    speculation: typeof speculation === 'object' && speculation !== null ? speculation : null,
    mechanisms: Array.isArray(mechanisms) ? mechanisms : null,
  };
}

/** @throws LoginFailure */
export function readSaslReply(document: BsonDocument): SaslReply {
  const payload: unknown = document['payload'];
  if (!(payload instanceof Binary)) throw new LoginFailure('malformed');
  return { conversationId: document['conversationId'], done: document['done'] === true, payload: payload.value() };
}
