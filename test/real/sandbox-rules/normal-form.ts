// A reply as it can be compared between two servers: without times, terms, ids and wording.
// Numbers are compared by value: the sandbox promotes small int64 and whole doubles, which docs/sandbox-differences.md says once.
// Invariant: the order of a document's fields counts, that of a reply's own fields does not.

import { Binary, Decimal128, Double, Int32, Long, ObjectId } from 'bson';
import type { Doc } from './rule.ts';

/** Fields of a reply that say nothing about the rule. */
const IGNORED: ReadonlySet<string> = new Set([
  '$clusterTime',
  'operationTime',
  'electionId',
  'opTime',
  'topologyVersion',
  'errmsg',
  'codeName',
  'note',
  'commitQuorum',
  'errorLabels',
  'retriedStmtIds',
  'writeConcernError',
]);

/** One line of JSON. */
export function normalForm(reply: Doc): string {
  const kept = Object.entries(reply).filter(([key]) => !IGNORED.has(key));
  const fields = kept
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, value]) => [key, fieldForm(key, value)]);
  return JSON.stringify(Object.fromEntries(fields));
}

function fieldForm(key: string, value: unknown): unknown {
  if (key === 'cursor') return cursorForm(value as Doc);
  if (key === 'writeErrors') return (value as Doc[]).map(errorForm);
  return valueForm(value);
}

function cursorForm(cursor: Doc): unknown {
  const documents = (cursor['firstBatch'] ?? cursor['nextBatch'] ?? []) as Doc[];
  return { ns: cursor['ns'], open: Number(cursor['id']) !== 0, documents: documents.map(documentForm) };
}

/** The results of bulkWrite hold errors beside successes; both lose their wording. */
function documentForm(document: Doc): unknown {
  return document['ok'] === undefined || document['idx'] === undefined ? valueForm(document) : errorForm(document);
}

function errorForm(error: Doc): unknown {
  const kept = Object.entries(error).filter(([key]) => !IGNORED.has(key));
  return valueForm(Object.fromEntries(kept.sort(([left], [right]) => (left < right ? -1 : 1))));
}

/** A value by type and content, numbers by content alone. */
function valueForm(value: unknown): unknown {
  if (value instanceof Int32 || value instanceof Double) return numberForm(value.valueOf());
  if (value instanceof Long) return numberForm(value.toNumber(), value);
  if (typeof value === 'number') return numberForm(value);
  if (Array.isArray(value)) return value.map(valueForm);
  if (typeof value !== 'object' || value === null) return value === undefined ? { $undefined: true } : value;
  return objectForm(value);
}

function numberForm(value: number, long?: Long): unknown {
  if (long !== undefined && !Number.isSafeInteger(value)) return { $long: long.toString() };
  return Number.isFinite(value) ? value : { $number: String(value) };
}

function objectForm(value: object): unknown {
  if (value instanceof Date) return { $date: value.getTime() };
  if (value instanceof ObjectId) return { $oid: value.toHexString() };
  if (value instanceof Decimal128) return { $decimal: value.toString() };
  if (value instanceof Binary) return { $binary: Buffer.from(value.value()).toString('hex'), subtype: value.sub_type };
  if (value instanceof RegExp) return { $regex: value.source, flags: value.flags };
  if ('_bsontype' in value) return { type: value._bsontype, text: JSON.stringify(value) };
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, valueForm(field)]));
}
