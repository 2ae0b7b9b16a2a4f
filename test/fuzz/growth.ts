// Messages that can be made as large as wanted in one respect each: many fields, many documents, deep nesting, long
// texts. What a reader does for them must grow as they do, not faster.
// Does not read anything. Invariant: `make(n)` is a well-formed message with about n repetitions.

import { type BsonDocument, encodeMessage, encodeReply, Long, serialize } from '../../codecs/index.ts';

export interface Family {
  readonly name: string;
  make(count: number): Buffer;
  /** Bytes that come out for each repetition where that is more than goes in: work may grow with them. */
  readonly inside?: number;
}

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** `levels` documents inside each other. */
function nest(levels: number, innermost: BsonDocument, wrap: (inner: BsonDocument) => BsonDocument): BsonDocument {
  let document = innermost;
  for (let level = 0; level < levels; level++) {
    document = wrap(document);
  }
  return document;
}

const request = (name: string, make: (count: number) => BsonDocument): Family => ({
  name,
  make: (count) => encodeMessage({ ...make(count), $db: 'shop' }, 1, 0),
});

const reply = (name: string, make: (count: number) => BsonDocument): Family => ({
  name,
  make: (count) => encodeMessage({ ...make(count), ok: 1 }, 2, 1),
});

const comment = (name: string, make: (count: number) => unknown): Family =>
  request(`comment: ${name}`, (count) => ({ find: 'orders', comment: make(count) }));

/** A kind-1 section behind a body. */
function withSequence(body: BsonDocument, identifier: string, documents: readonly BsonDocument[]): Buffer {
  const content = Buffer.concat([Buffer.from(`${identifier}\0`), ...documents.map((document) => serialize(document))]);
  const head = Buffer.from([1, 0, 0, 0, 0]);
  head.writeInt32LE(content.length + 4, 1);
  const message = Buffer.concat([encodeMessage({ ...body, $db: 'shop' }, 1, 0), head, content]);
  message.writeInt32LE(message.length, 0);
  return message;
}

const sequence = (identifier: string, body: BsonDocument, make: (index: number) => BsonDocument): Family => ({
  name: `sequence ${identifier}`,
  make: (count) => withSequence(body, identifier, times(count, make)),
});

/** Below the limit of nesting (200), wrappers of two levels included. */
const LEVELS = 60;

const REQUESTS: readonly Family[] = [
  request('many fields', (count) => ({ find: 'orders', ...Object.fromEntries(times(count, (i) => [`f${i}`, null])) })),
  request('a long field name', (count) => ({ find: 'orders', ['n'.repeat(count * 8)]: 1 })),
  request('a long collection name', (count) => ({ find: 'n'.repeat(count * 8) })),
  request('a long command name', (count) => ({ ['n'.repeat(count * 8)]: 1 })),
  request('a wide filter', (count) => ({ find: 'orders', filter: { $and: times(count, (i) => ({ a: i })) } })),
  request('a list of ids', (count) => ({ find: 'orders', filter: { _id: { $in: times(count, (i) => i) } } })),
  request('deep filters', (count) => ({
    find: 'orders',
    filter: {
      $and: times(Math.ceil(count / LEVELS), () => nest(LEVELS / 2, { a: 1 }, (inner) => ({ $and: [inner] }))),
    },
  })),
  request('many stages', (count) => ({
    aggregate: 'orders',
    pipeline: times(count, () => ({ $limit: 1 })),
    cursor: {},
  })),
  request('many lookups', (count) => ({
    aggregate: 'orders',
    pipeline: times(count, (i) => ({ $lookup: { from: `c${i}`, as: 'x', pipeline: [{ $unionWith: 'd' }] } })),
  })),
  request('deep unions', (count) => ({
    aggregate: 'orders',
    pipeline: times(Math.ceil(count / LEVELS), () =>
      nest(LEVELS / 3, { $unionWith: 'a' }, (inner) => ({ $unionWith: { coll: 'b', pipeline: [inner] } })),
    ),
  })),
  request('wide facets', (count) => ({
    aggregate: 'orders',
    pipeline: [{ $facet: Object.fromEntries(times(count, (i) => [`f${i}`, [{ $unionWith: 'a' }]])) }],
  })),
  request('nested explains', (count) => ({
    explain: nest(Math.min(count, LEVELS), { find: 'orders' }, (inner) => ({ explain: inner })),
  })),
  request('many cursors', (count) => ({ killCursors: 'orders', cursors: times(count, (i) => Long.fromNumber(i)) })),
  request('statements in the body', (count) => ({
    update: 'orders',
    updates: times(count, (i) => ({ q: { i }, u: {} })),
  })),
  request('many namespaces', (count) => ({
    bulkWrite: 1,
    ops: times(count, (i) => ({ insert: i, document: {} })),
    nsInfo: times(count, (i) => ({ ns: `shop.c${i}` })),
  })),
  sequence('documents', { insert: 'orders' }, (i) => ({ _id: i })),
  sequence('updates', { update: 'orders' }, (i) => ({ q: { i, $comment: 'x' }, u: {} })),
  sequence('ops', { bulkWrite: 1, nsInfo: [{ ns: 'shop.a' }] }, () => ({ insert: 0, document: {} })),
];

const COMMENTS: readonly Family[] = [
  comment('a long text', (count) => 'x'.repeat(count * 8)),
  comment('open braces', (count) => '{'.repeat(count * 8)),
  comment('escapes', (count) => `{"a":"${'\\"'.repeat(count * 4)}"`),
  comment('a long JSON object', (count) => JSON.stringify(Object.fromEntries(times(count, (i) => [`k${i}`, i])))),
  comment('a key list', (count) => times(count, (i) => `k${i}='v'`).join(',')),
  comment('percent signs', (count) => `route='${'%25'.repeat(count * 3)}'`),
  comment('quotes', (count) => `'`.repeat(count * 8)),
  comment('an array', (count) => times(count, () => 1)),
  comment('a document', (count) => Object.fromEntries(times(count, (i) => [`k${i}`, 'v']))),
];

const REPLIES: readonly Family[] = [
  reply('a batch', (count) => ({ cursor: { firstBatch: times(count, (_id) => ({ _id })), id: 0, ns: 'shop.a' } })),
  reply('write errors', (count) => ({ n: 0, writeErrors: times(count, (index) => ({ index, code: 11_000 })) })),
  reply('labels', (count) => ({ errorLabels: times(count, (i) => `Label${i}`) })),
  reply('upserts', (count) => ({ n: count, upserted: times(count, (index) => ({ index, _id: index })) })),
  reply('a long errmsg', (count) => ({ errmsg: 'x'.repeat(count * 8), code: 2 })),
  reply('many cursor fields', (count) => ({ cursor: Object.fromEntries(times(count, (i) => [`f${i}`, i])) })),
  { name: 'OP_REPLY', make: (count) => encodeReply({ ok: 1, hosts: times(count, String) }, 2, 1) },
];

export const FAMILIES: readonly Family[] = [...REQUESTS, ...COMMENTS, ...REPLIES];

const BODY_AT = 21;

/** The bodies of those messages that have nothing but a body. */
export const DOCUMENT_FAMILIES: readonly Family[] = FAMILIES.filter(
  ({ name }) => !/^(?:sequence|OP_REPLY)/.test(name),
).map(({ name, make }) => ({ name, make: (count) => make(count).subarray(BODY_AT) }));

/** Many small messages behind each other. */
export const STREAM_FAMILIES: readonly Family[] = [
  ...FAMILIES,
  {
    name: 'many messages',
    make: (count) => Buffer.concat(times(count, (i) => encodeMessage({ ping: 1, $db: 'a' }, i, 0))),
  },
];
