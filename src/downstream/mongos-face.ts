// State-change errors of the server, rewritten as mongos does: through weir the server behind may change without
// the client's topology changing, so "not primary" and "shutting down" become 6 HostUnreachable (protocol.md 2.7). In
// every face: any other answer would make drivers drop weir or clear their pools (docs/decisions/0014-faces.md).
// Pure. Invariants: labels stay as the server set them; nothing but codes, their names, their texts and
// topologyVersion changes.

import { type BsonDocument, Double, deserializeExact, Int32, isStateChangeCode, Long } from '../../codecs/index.ts';

const HOST_UNREACHABLE = 6;
/** Old drivers match these texts when a code is missing. */
const STATE_TEXTS = /not master|node is recovering|not primary/gi;

/** A reply body with every state-change code replaced. */
export function rewriteStateChange(body: Buffer): BsonDocument {
  const document = deserializeExact(body);
  rewriteError(document);
  rewriteError(document['writeConcernError']);
  const writeErrors: unknown = document['writeErrors'];
  if (Array.isArray(writeErrors)) for (const writeError of writeErrors) rewriteError(writeError);
  delete document['topologyVersion'];
  return document;
}

function rewriteError(error: unknown): void {
  if (typeof error !== 'object' || error === null) return;
  const fields = error as Record<string, unknown>;
  const code = numberOf(fields['code']);
  if (code === null || !isStateChangeCode(code)) return;
  fields['code'] = new Int32(HOST_UNREACHABLE);
  if ('codeName' in fields) fields['codeName'] = 'HostUnreachable';
  const text = fields['errmsg'];
  if (typeof text === 'string') fields['errmsg'] = text.replace(STATE_TEXTS, '(server state changed)');
}

function numberOf(value: unknown): number | null {
  if (value instanceof Int32 || value instanceof Double) return value.value;
  if (value instanceof Long) return value.toNumber();
  return typeof value === 'number' ? value : null;
}
