// Certificates and keys of fixtures/tls, made once by scripts/make-tls-fixtures.sh so that tests need no openssl.
// They are no secrets and open nothing. Invariant: all but `expired` are valid until 2120.

import { readFileSync } from 'node:fs';

/** Opens the locked keys; also what tests look for where no secret may be. */
export const PASSPHRASE = 'hunter2';

export interface Pem {
  readonly cert: string;
  readonly key: string;
}

/** The text of one file, such as `good.pem`. */
export function readTlsFixture(file: string): string {
  return readFileSync(new URL(`../../fixtures/tls/${file}`, import.meta.url), 'utf8');
}

/** Self-signed: `good` for localhost and 127.0.0.1, `other` for a host elsewhere, two for clients. */
export function readPem(name: 'good' | 'other' | 'client' | 'stranger'): Pem {
  return { cert: readTlsFixture(`${name}.pem`), key: readTlsFixture(`${name}.key`) };
}
