// The keys of one credential, derived off the event loop and kept: hashing a password some ten thousand times is what a login
// costs. It speaks to no server. Invariant: bounded; connections that log in together share one derivation.

import { createHash, pbkdf2 } from 'node:crypto';
import { saslprep } from '@mongodb-js/saslprep';
import type { Secret } from '../../options.ts';
import { LoginFailure } from './login-failure.ts';
import { digestOf, keysOf, type ScramKeys, type ScramMechanism, type ScramSalt } from './scram.ts';

/** A user has one salt per mechanism, and each member of a cluster may have its own. */
const MAX_KEPT = 16;
const KEY_BYTES = { sha256: 32, sha1: 20 } as const;

export class SaltedKeys {
  readonly #username: string;
  readonly #password: Secret;
  /** Oldest first. */
  readonly #kept: Map<string, Promise<ScramKeys>> = new Map();

  constructor(username: string, password: Secret) {
    this.#username = username;
    this.#password = password;
  }

  /** Keys for what a server said in its first message. Rejects with LoginFailure where the password cannot be used. */
  async derive(mechanism: ScramMechanism, salt: ScramSalt): Promise<ScramKeys> {
    const name = `${mechanism}|${salt.iterations}|${salt.salt.toString('base64')}`;
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    const made = this.#stretch(mechanism, salt);
    this.#kept.set(name, made);
    made.catch(() => this.#kept.delete(name));
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break;
      this.#kept.delete(oldest);
    }
    return made;
  }

  async #stretch(mechanism: ScramMechanism, { salt, iterations }: ScramSalt): Promise<ScramKeys> {
    const digest = digestOf(mechanism);
    const password = passwordFor(mechanism, this.#username, this.#password.reveal());
    const salted = await new Promise<Buffer>((resolve, reject) => {
      pbkdf2(password, salt, iterations, KEY_BYTES[digest], digest, (error, key) => {
        if (error === null) resolve(key);
        else reject(error);
      });
    });
    return keysOf(mechanism, salted);
  }
}

/** SHA-256 takes the password as prepared by RFC 4013, SHA-1 an older digest of it (protocol.md 8). */
function passwordFor(mechanism: ScramMechanism, username: string, password: string): string {
  if (mechanism === 'SCRAM-SHA-1') return createHash('md5').update(`${username}:mongo:${password}`).digest('hex');
  try {
    return saslprep(password);
  } catch {
    throw new LoginFailure('password');
  }
}
