// The client's side of SCRAM (RFC 5802, RFC 7677) as a pure state machine: texts in, texts out, keys from outside.
// It derives no keys, reads no BSON and draws no random numbers. Invariant: a server that does not show that it knows
// the key, changes the nonce or asks for cheap keys is never believed: that is a LoginFailure.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { LoginFailure } from './login-failure.ts';

export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-1';

/** What the salted password is made from. */
export interface ScramSalt {
  readonly salt: Buffer;
  readonly iterations: number;
}

/** What is made from the salted password, and worth keeping. */
export interface ScramKeys {
  readonly clientKey: Buffer;
  readonly serverKey: Buffer;
}

/** Fewer make stolen keys cheap (drivers refuse them too); more only burn time. */
const MIN_ITERATIONS = 4096;
const MAX_ITERATIONS = 1_000_000;
/** A server's message holds a nonce and a salt; nothing longer is looked at. */
const MAX_PAYLOAD_BYTES = 4096;
/** `n,,` in base64: no channel binding. */
const CHANNEL_BINDING = 'biws';

export function digestOf(mechanism: ScramMechanism): 'sha256' | 'sha1' {
  return mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha1';
}

/** The keys of RFC 5802 section 3. */
export function keysOf(mechanism: ScramMechanism, saltedPassword: Buffer): ScramKeys {
  const sign = (text: string): Buffer => createHmac(digestOf(mechanism), saltedPassword).update(text).digest();
  return { clientKey: sign('Client Key'), serverKey: sign('Server Key') };
}

export class ScramClient {
  readonly #mechanism: ScramMechanism;
  readonly #firstBare: string;
  readonly #nonce: string;
  #serverFirst = '';
  #serverNonce = '';
  /** Null until the proof is sent: no server can have signed it before. */
  #serverSignature: Buffer | null = null;

  /** @param nonce printable ASCII without commas, never used before */
  constructor(mechanism: ScramMechanism, username: string, nonce: string) {
    this.#mechanism = mechanism;
    this.#nonce = nonce;
    this.#firstBare = `n=${escapeName(username)},r=${nonce}`;
  }

  get firstMessage(): Buffer {
    return Buffer.from(`n,,${this.#firstBare}`);
  }

  /** Reads `r=…,s=…,i=…`. @throws LoginFailure */
  readServerFirst(payload: Uint8Array): ScramSalt {
    const text = textOf(payload);
    const fields = fieldsOf(text);
    const nonce = fields.get('r') ?? '';
    // The server's own part must be there: else the same proof could be replayed.
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) throw new LoginFailure('nonce');
    const iterations = /^\d{1,10}$/.test(fields.get('i') ?? '') ? Number(fields.get('i')) : 0;
    if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) throw new LoginFailure('iterations');
    const salt = Buffer.from(fields.get('s') ?? '', 'base64');
    if (salt.length === 0) throw new LoginFailure('malformed');
    this.#serverFirst = text;
    this.#serverNonce = nonce;
    return { salt, iterations };
  }

  /** The proof. Call after readServerFirst. */
  makeFinal({ clientKey, serverKey }: ScramKeys): Buffer {
    const digest = digestOf(this.#mechanism);
    const withoutProof = `c=${CHANNEL_BINDING},r=${this.#serverNonce}`;
    const authMessage = `${this.#firstBare},${this.#serverFirst},${withoutProof}`;
    const storedKey = createHash(digest).update(clientKey).digest();
    const clientSignature = createHmac(digest, storedKey).update(authMessage).digest();
    this.#serverSignature = createHmac(digest, serverKey).update(authMessage).digest();
    const proof = clientKey.map((byte, index) => byte ^ clientSignature.readUInt8(index));
    return Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`);
  }

  /** Checks `v=…`. @throws LoginFailure */
  verifyServerFinal(payload: Uint8Array): void {
    const fields = fieldsOf(textOf(payload));
    if (fields.has('e')) throw new LoginFailure('refused');
    const given = Buffer.from(fields.get('v') ?? '', 'base64');
    const wanted = this.#serverSignature;
    if (wanted === null || given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
      throw new LoginFailure('server_unproven');
    }
  }
}

/** RFC 5802 section 5.1: the two characters that have a meaning of their own. */
function escapeName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C');
}

function textOf(payload: Uint8Array): string {
  if (payload.length === 0 || payload.length > MAX_PAYLOAD_BYTES) throw new LoginFailure('malformed');
  return Buffer.from(payload).toString('utf8');
}

/** `a=…,b=…`; of a name that comes twice the first counts, and mandatory extensions (`m=`) are refused as the RFC says. */
function fieldsOf(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const part of text.split(',')) {
    const name = part.slice(0, 1);
    if (part.slice(1, 2) !== '=' || name === 'm') throw new LoginFailure('malformed');
    if (!fields.has(name)) fields.set(name, part.slice(2));
  }
  return fields;
}
