// A user, password and mechanism as people write them, in the uri or under `auth`, to one credential. It logs nobody in.
// Invariant: no part of what was written is repeated in a sentence.

import { SecretText } from '../core/secret.ts';
import type { Credential, Secret } from '../options.ts';
import { complain, type Parsed, parsed, quote, refuse } from './parsed.ts';

export const MECHANISMS = ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'MONGODB-X509'] as const;
export type Mechanism = (typeof MECHANISMS)[number];

/** Known to drivers and not to weir. */
const OTHER_MECHANISMS: ReadonlySet<string> = new Set(['PLAIN', 'GSSAPI', 'MONGODB-AWS', 'MONGODB-OIDC', 'MONGODB-CR']);
const EXTERNAL = '$external';
const DEFAULT_SOURCE = 'admin';

export interface LoginWish {
  readonly username?: string | undefined;
  readonly password?: Secret | undefined;
  readonly mechanism?: Mechanism | undefined;
  /** The database that holds the user; absent: the uri's database, else admin. */
  readonly source?: string | undefined;
}

/** The credential, null where nothing is wished for. */
export function readLogin(wish: LoginWish): Parsed<Credential | null> {
  const { username, password, mechanism, source } = wish;
  if (mechanism === 'MONGODB-X509') {
    if (password !== undefined) return complain('MONGODB-X509 takes no password: the certificate is the proof');
    if (source !== undefined && source !== EXTERNAL) return complain('MONGODB-X509 users are in authSource $external');
    return parsed({ mechanism, username: username ?? null });
  }
  if (username === undefined) {
    if (password !== undefined) return complain('a password is given without a user name');
    return mechanism === undefined ? parsed(null) : complain(`${mechanism} needs a user name and a password`);
  }
  if (password === undefined) return complain('a user name is given without a password');
  return parsed({ mechanism: mechanism ?? 'negotiated', username, password, source: source ?? DEFAULT_SOURCE });
}

/** The name of a mechanism in a uri. */
export function readMechanism(text: string | undefined): Parsed<Mechanism | undefined> {
  if (text === undefined) return parsed(undefined);
  const known = MECHANISMS.find((mechanism) => mechanism === text);
  if (known !== undefined) return parsed(known);
  if (OTHER_MECHANISMS.has(text)) return refuse(`refused: authMechanism=${text} is not built yet`);
  return complain(`expected one of ${MECHANISMS.join(', ')} for authMechanism in the uri, found ${quote(text)}`);
}

/** What stands before the @ of a uri, percent-decoded. */
export function readUserInfo(username: string, password: string): Parsed<Pick<LoginWish, 'username' | 'password'>> {
  try {
    const name = decodeURIComponent(username);
    const secret = decodeURIComponent(password);
    return parsed({
      ...(name === '' ? {} : { username: name }),
      ...(secret === '' ? {} : { password: new SecretText(secret) }),
    });
  } catch {
    return complain('user name and password must be percent-encoded in the uri');
  }
}
