// The server's side of SCRAM, written from RFC 5802 for the tests of the client's side; it shares no code with that.
// Invariant: it believes a proof only after it has recomputed the stored key from it.

import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

export interface ScramAccount {
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-1';
  /** As it stands in the client's first message, escapes undone. */
  readonly username: string;
  /** What the salted password is made of: the password for SHA-256, the digest of it for MongoDB's SHA-1. */
  readonly secret: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

export class ScramServer {
  /** Added to the client's nonce. */
  serverNonce = '3rfcNHYJY1ZVvWVs7j';
  readonly #account: ScramAccount;
  #authMessage = '';

  constructor(account: ScramAccount) {
    this.#account = account;
  }

  /** Answers `n,,n=…,r=…`. */
  first(payload: Uint8Array): Buffer {
    const bare = /^n,,(n=([^,]*),r=(.+))$/.exec(Buffer.from(payload).toString());
    const [, text = '', name = '', nonce = ''] = bare ?? [];
    const username = name.replaceAll('=2C', ',').replaceAll('=3D', '=');
    if (username !== this.#account.username) throw new Error(`another user: ${username}`);
    const { salt, iterations } = this.#account;
    const answer = `r=${nonce}${this.serverNonce},s=${salt.toString('base64')},i=${iterations}`;
    this.#authMessage = `${text},${answer}`;
    return Buffer.from(answer);
  }

  /** Answers `c=biws,r=…,p=…`; null where the proof is wrong. */
  final(payload: Uint8Array): Buffer | null {
    const [, withoutProof = '', proof = ''] = /^(c=biws,r=.+),p=(.+)$/.exec(Buffer.from(payload).toString()) ?? [];
    const { mechanism, secret, salt, iterations } = this.#account;
    const digest = mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha1';
    const hmac = (key: Buffer, text: string): Buffer => createHmac(digest, key).update(text).digest();
    const salted = pbkdf2Sync(secret, salt, iterations, digest === 'sha256' ? 32 : 20, digest);
    const storedKey = createHash(digest).update(hmac(salted, 'Client Key')).digest();
    const authMessage = `${this.#authMessage},${withoutProof}`;
    const signature = hmac(storedKey, authMessage);
    const clientKey = Buffer.from(proof, 'base64').map((byte, index) => byte ^ (signature[index] ?? 0));
    if (!createHash(digest).update(clientKey).digest().equals(storedKey)) return null;
    return Buffer.from(`v=${hmac(hmac(salted, 'Server Key'), authMessage).toString('base64')}`);
  }
}
