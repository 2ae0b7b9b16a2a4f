// The answer to hello and isMaster in the face of a mongos. Pure: facts in, document out.
// Invariants: maxWireVersion is the upstream's, never a constant; no topologyVersion (drivers then poll instead of
// waiting for a stream that weir does not serve); no compressor that was not asked for; nothing of a login. Source: protocol.md 2.

import { type BsonDocument, Int32 } from '../../codecs/index.ts';
import type { ServerDescription } from '../upstream/server-description.ts';

export const HELLO_NAMES: ReadonlySet<string> = new Set(['hello', 'isMaster', 'ismaster']);

export interface HelloFacts {
  /** The command's name as sent: it decides the name of the writable field. */
  readonly name: string;
  readonly askedHelloOk: boolean;
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
  answer['msg'] = 'isdbgrid';
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
  return answer;
}
