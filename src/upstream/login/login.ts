// weir's own login at the servers of one cluster: a handshake for each new connection, and what came of the last one.
// It opens nothing and decides nothing about retries. Invariant: a failure is logged once, not once per attempt, and no line
// of the log holds a part of the credential.

import { randomBytes } from 'node:crypto';
import type { BsonDocument } from '../../../codecs/index.ts';
import type { Logger } from '../../core/logger.ts';
import type { UpstreamLogin } from '../../core/snapshots.ts';
import type { Credential } from '../../options.ts';
import { type Handshake, type HandshakeStep, helloOnly } from '../handshake.ts';
import { SaltedKeys } from './salted-keys.ts';
import { ScramHandshake } from './scram-handshake.ts';
import { X509Handshake } from './x509-handshake.ts';

export interface LoginParts {
  readonly cluster: string;
  /** Null: nobody logs in. */
  readonly credential: Credential | null;
  readonly logger: Logger;
  /** See ScramClient; absent: 24 random bytes in base64. */
  readonly makeNonce?: () => string;
}

/** Encodes the hello of one connection with the fields of a login in it. */
export type HelloEncoder = (requestId: number, login: BsonDocument) => Buffer;

const NONCE_BYTES = 24;

export class Login {
  readonly #parts: LoginParts;
  /** Null without a password. */
  readonly #keys: SaltedKeys | null;
  #lastError: string | null = null;

  constructor(parts: LoginParts) {
    const { credential } = parts;
    this.#parts = parts;
    const hasPassword = credential !== null && credential.mechanism !== 'MONGODB-X509';
    this.#keys = hasPassword ? new SaltedKeys(credential.username, credential.password) : null;
  }

  /** Why the last login failed, one sentence; null when it did not. */
  get lastError(): string | null {
    return this.#lastError;
  }

  /** `isEstablished`: there are connections, so somebody has logged in; a later refusal does not part them. */
  state(isEstablished: boolean): UpstreamLogin {
    if (this.#parts.credential === null) return 'none';
    if (isEstablished) return 'works';
    return this.#lastError === null ? 'pending' : 'refused';
  }

  /** For one new connection. */
  begin(hello: HelloEncoder): Handshake {
    const handshake = this.#makeHandshake(hello);
    return {
      start: (requestId) => handshake.start(requestId),
      onReply: (reply, proceed) =>
        handshake.onReply(reply, (step) => {
          this.#note(step);
          proceed(step);
        }),
    };
  }

  #makeHandshake(hello: HelloEncoder): Handshake {
    const { credential, makeNonce = randomNonce } = this.#parts;
    if (credential === null) return helloOnly((requestId) => hello(requestId, {}));
    if (credential.mechanism === 'MONGODB-X509' || this.#keys === null) {
      return new X509Handshake(credential.username, hello);
    }
    return new ScramHandshake({ credential, keys: this.#keys, hello, makeNonce });
  }

  #note(step: HandshakeStep): void {
    if (step.kind === 'send') return;
    const { cluster, logger } = this.#parts;
    const error = step.kind === 'failed' ? step.detail : null;
    if (error === this.#lastError) return;
    this.#lastError = error;
    if (error === null) logger.info({ cluster }, 'login at the server works again');
    else logger.warn({ cluster, reason: error }, 'login at the server failed');
  }
}

function randomNonce(): string {
  return randomBytes(NONCE_BYTES).toString('base64');
}
