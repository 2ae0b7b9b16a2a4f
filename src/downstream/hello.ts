// The answer to hello and isMaster in each face, and which hellos are refused. Pure: facts in, document out.
// Invariants: maxWireVersion is the upstream's, never a constant; no topologyVersion (drivers then poll instead of
// waiting for a stream that weir does not serve); no compressor that was not asked for; nothing of a login, as mongod
// does for a user it does not know; a serviceId only for clients that said loadBalanced. Source: protocol.md 2.

import { type BsonDocument, type BsonView, Int32, type ObjectId } from '../../codecs/index.ts';
import { type ErrorAnswer, halfAwaitableHello, internalClientRefused } from '../core/error-answers.ts';
import type { Face } from '../options.ts';
import type { ServerDescription } from '../upstream/server-description.ts';

export const HELLO_NAMES: ReadonlySet<string> = new Set(['hello', 'isMaster', 'ismaster']);

/** What one client sees: its listener's face, or a service behind a load balancer if its hello said loadBalanced. */
export type ClientFace = Face | 'loadBalanced';

export interface HelloFacts {
  /** The command's name as sent: it decides the name of the writable field. */
  readonly name: string;
  readonly askedHelloOk: boolean;
  readonly face: ClientFace;
  /** Said in the face loadBalanced only. */
  readonly serviceId: ObjectId;
  readonly server: ServerDescription;
  readonly connectionId: number;
  readonly wallMs: number;
  /** What the client asked for and weir offers, in the client's order. */
  readonly compression: readonly string[];
}

/** Everything but `ok`, which the reply writer adds. */
export function helloAnswer(facts: HelloFacts): BsonDocument {
  const { server } = facts;
  const answer: BsonDocument = facts.name === 'hello' ? { isWritablePrimary: true } : { ismaster: true };
  if (facts.askedHelloOk) answer['helloOk'] = true;
  // A service says what the mongos behind it would say.
  if (facts.face !== 'direct') answer['msg'] = 'isdbgrid';
  answer['maxBsonObjectSize'] = new Int32(server.maxBsonObjectSize);
  answer['maxMessageSizeBytes'] = new Int32(server.maxMessageSizeBytes);
  answer['maxWriteBatchSize'] = new Int32(server.maxWriteBatchSize);
  answer['localTime'] = new Date(facts.wallMs);
  if (server.logicalSessionTimeoutMinutes !== null) {
    answer['logicalSessionTimeoutMinutes'] = new Int32(server.logicalSessionTimeoutMinutes);
  }
  answer['connectionId'] = new Int32(facts.connectionId);
  answer['minWireVersion'] = new Int32(server.minWireVersion);
  answer['maxWireVersion'] = new Int32(server.maxWireVersion);
  answer['readOnly'] = false;
  if (facts.compression.length > 0) answer['compression'] = [...facts.compression];
  if (facts.face === 'loadBalanced') answer['serviceId'] = facts.serviceId;
  return answer;
}

/** Why a hello is refused before anything of it is taken, or null. An error here makes drivers clear their pools. */
export function helloProblem(hello: BsonView): ErrorAnswer | null {
  if (hello.has('internalClient')) return internalClientRefused();
  const hasVersion = hello.has('topologyVersion');
  return hasVersion === hello.has('maxAwaitTimeMS') ? null : halfAwaitableHello(hasVersion);
}
