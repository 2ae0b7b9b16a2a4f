// Why a login failed: a closed list, each with one sentence that says what to do. No text of the server's and no part of
// a credential is in them. Invariant: everything that a login throws by design is a LoginFailure.

import type { ReplyView } from '../../../codecs/index.ts';

export type LoginProblem =
  | 'refused'
  | 'mechanism'
  | 'certificate'
  | 'not_permitted'
  | 'server_unproven'
  | 'nonce'
  | 'iterations'
  | 'malformed'
  | 'password';

const SENTENCES: Readonly<Record<LoginProblem, string>> = {
  refused: 'the server refused the login: wrong user name or password, or not a user of this authSource',
  mechanism: 'the server does not offer this login mechanism: choose another authMechanism, or enable it there',
  certificate:
    "the server refused the login by certificate: its subject must be a user of $external there, and its issuer in the server's CA file",
  not_permitted: 'the server does not let this user log in from here: look at its authenticationRestrictions',
  server_unproven: 'the server could not prove that it knows the password: it may not be the server it claims to be',
  nonce: 'the server broke the rules of SCRAM: it did not send back the nonce with one of its own',
  iterations:
    'the server asks for an iteration count outside 4096 to 1000000, so its stored keys are not to be trusted',
  malformed: 'the server broke the rules of SCRAM: its message cannot be read',
  password: 'the password holds characters that SCRAM-SHA-256 does not allow (SASLprep)',
};

const CODES: ReadonlyMap<number, LoginProblem> = new Map([
  [2, 'mechanism'],
  [11, 'refused'],
  [13, 'not_permitted'],
  [18, 'refused'],
  [31, 'refused'],
  [57, 'not_permitted'],
  [59, 'mechanism'],
  [334, 'mechanism'],
]);

export class LoginFailure extends Error {
  constructor(problem: LoginProblem) {
    super(SENTENCES[problem]);
  }
}

/** The sentence for an error reply to a login command. */
export function explainLoginReply({ code }: ReplyView, isCertificate: boolean): string {
  const problem = CODES.get(code);
  if (problem === undefined) return `the server refused the login with code ${code}`;
  return SENTENCES[isCertificate && problem === 'refused' ? 'certificate' : problem];
}
