// The commands that weir answers itself, because they are about the connection, which ends here (protocol.md 3.5).
// hello is in greeter.ts. Pure tables: a name, and what is said. Invariant: what is not here is passed on.

import type { BsonDocument } from '../../codecs/index.ts';
import { authenticationFailed, commandNotFound, type ErrorAnswer } from '../core/error-answers.ts';
import type { Operation } from '../core/operation.ts';

/** What a local answer may be made from. */
export interface LocalContext {
  readonly remoteAddress: string;
  readonly remotePort: number;
}

export type LocalAnswer =
  | { readonly kind: 'document'; readonly document: BsonDocument }
  | { readonly kind: 'error'; readonly answer: ErrorAnswer };

type Answerer = (operation: Operation, context: LocalContext) => LocalAnswer;

const ok = (document: BsonDocument): LocalAnswer => ({ kind: 'document', document });
const error = (answer: ErrorAnswer): LocalAnswer => ({ kind: 'error', answer });
const unknown: Answerer = (operation) => error(commandNotFound(operation.command.name));
const noLogin: Answerer = () => error(authenticationFailed());

function connectionStatus(operation: Operation): LocalAnswer {
  const authInfo: BsonDocument = { authenticatedUsers: [], authenticatedUserRoles: [] };
  if (operation.command.document.getBoolean('showPrivileges') === true) authInfo['authenticatedUserPrivileges'] = [];
  return ok({ authInfo });
}

const ANSWERERS: ReadonlyMap<string, Answerer> = new Map<string, Answerer>([
  ['ping', () => ok({})],
  ['whatsmyuri', (_operation, context) => ok({ you: `${context.remoteAddress}:${context.remotePort}` })],
  ['connectionStatus', connectionStatus],
  ['saslStart', noLogin],
  ['saslContinue', noLogin],
  ['authenticate', noLogin],
  // Nobody is logged in, so logging out is done.
  ['logout', () => ok({})],
  ['getnonce', unknown],
  ['getLastError', unknown],
  ['getlasterror', unknown],
  ['resetError', unknown],
]);

/** Commands between the servers of a deployment: a mongos does not know them either (protocol.md 2.7). */
const SERVER_PREFIXES = ['replSet', '_configsvr', '_shardsvr'];

/** The answer made here, or null when the operation goes on to the server. */
export function localAnswer(operation: Operation, context: LocalContext): LocalAnswer | null {
  const { name } = operation.command;
  const answerer = ANSWERERS.get(name);
  if (answerer !== undefined) return answerer(operation, context);
  return isBetweenServers(name) ? unknown(operation, context) : null;
}

function isBetweenServers(name: string): boolean {
  const first = name.charCodeAt(0);
  // 'r' and '_': two comparisons spare every other command the loop.
  if (first !== 0x72 && first !== 0x5f) return false;
  return SERVER_PREFIXES.some((prefix) => name.startsWith(prefix));
}
