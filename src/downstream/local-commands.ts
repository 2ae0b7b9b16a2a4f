// The commands that weir answers itself: those about the connection, which ends here, and those that must not reach the
// server on behalf of one client (protocol.md 2.7, 3.5). hello is in greeter.ts. Pure tables: a name, and what is said.
// Invariant: what is not here is passed on.

import type { BsonDocument } from '../../codecs/index.ts';
import {
  authenticationFailed,
  commandNotFound,
  type ErrorAnswer,
  noReplication,
  sessionKillRefused,
} from '../core/error-answers.ts';
import type { Operation } from '../core/operation.ts';
import type { AllowableCommand } from '../options.ts';
import type { ClientFace } from './hello.ts';

/** What a local answer may be made from. */
export interface LocalContext {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly face: ClientFace;
  readonly allowed: readonly AllowableCommand[];
}

export type LocalAnswer =
  | { readonly kind: 'document'; readonly document: BsonDocument }
  | { readonly kind: 'error'; readonly answer: ErrorAnswer };

/** Null: this one goes on to the server. */
type Answerer = (operation: Operation, context: LocalContext) => LocalAnswer | null;

const ok = (document: BsonDocument): LocalAnswer => ({ kind: 'document', document });
const error = (answer: ErrorAnswer): LocalAnswer => ({ kind: 'error', answer });
const unknown: Answerer = (operation) => error(commandNotFound(operation.command.name));
const noLogin: Answerer = () => error(authenticationFailed());

function connectionStatus(operation: Operation): LocalAnswer {
  const authInfo: BsonDocument = { authenticatedUsers: [], authenticatedUserRoles: [] };
  if (operation.command.document.getBoolean('showPrivileges') === true) authInfo['authenticatedUserPrivileges'] = [];
  return ok({ authInfo });
}

/** To the server all clients are one user, so what ends that user's sessions ends those of all clients. */
function killsOfOthers(name: AllowableCommand): Answerer {
  return (_operation, { allowed }) => (allowed.includes(name) ? null : error(sessionKillRefused(name)));
}

/** With ids it goes on: they are random, so knowing one is the right to end its session. */
const killSessions: Answerer = (operation, context) => {
  const ids = operation.command.document.getArray('killSessions');
  const hasIds = ids !== null && ids.elements().next().done === false;
  return hasIds ? null : killsOfOthers('killSessions')(operation, context);
};

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
  ['getPrevError', unknown],
  ['getpreverror', unknown],
  ['resetError', unknown],
  ['reseterror', unknown],
  ['killAllSessions', killsOfOthers('killAllSessions')],
  ['killAllSessionsByPattern', killsOfOthers('killAllSessionsByPattern')],
  ['killSessions', killSessions],
]);

/** Commands between the servers of a deployment: a mongos does not know them either (protocol.md 2.7). */
const SERVER_PREFIXES = ['replSet', '_configsvr', '_shardsvr'];

/** The answer made here, or null when the operation goes on to the server. */
export function localAnswer(operation: Operation, context: LocalContext): LocalAnswer | null {
  const { name } = operation.command;
  const answerer = ANSWERERS.get(name);
  if (answerer !== undefined) return answerer(operation, context);
  return isBetweenServers(name) ? foreignToFace(operation, context) : null;
}

/** A mongos does not know them; a server without a set knows those of sets, and says that it has none. */
const foreignToFace: Answerer = (operation, context) => {
  const { name } = operation.command;
  return context.face === 'direct' && name.startsWith('replSet')
    ? error(noReplication(name))
    : unknown(operation, context);
};

function isBetweenServers(name: string): boolean {
  const first = name.charCodeAt(0);
  // 'r' and '_': two comparisons spare every other command the loop.
  if (first !== 0x72 && first !== 0x5f) return false;
  return SERVER_PREFIXES.some((prefix) => name.startsWith(prefix));
}
