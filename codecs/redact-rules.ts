// What stays readable when a message is redacted, as tables: names of fields and what may stay of their values.
// Walks nothing (redact-walk.ts does). Invariant: what no table names is hidden, and what proves an identity is hidden
// at every level.

import type { CommandRow } from './command-table.ts';

/**
 * - hide: the value goes, on all levels; its type, its length and the names of its fields stay
 * - number: numbers and booleans stay; text: also strings; keep: every value that is no document
 * - comment: what names a call site stays
 * - raw: everything stays but values whose name says that they are secrets
 *
 * An array is as its elements. `fields` are those of a document; `other` is for the rest of them, `scalar` for a value
 * that is no document.
 */
export type Rule = 'hide' | 'number' | 'text' | 'keep' | 'comment' | 'raw' | FieldRules;

export interface FieldRules {
  readonly fields: ReadonlyMap<string, Rule>;
  readonly other: Rule;
  readonly scalar: Exclude<Rule, FieldRules>;
}

/** Hidden at every depth, also in raw recordings. */
export const SECRET_NAMES: ReadonlySet<string> = new Set([
  'credentials',
  'password',
  'pwd',
  'saslSupportedMechs',
  'speculativeAuthenticate',
]);

/** Commands whose whole content proves an identity. */
const SECRET_COMMANDS: ReadonlySet<string> = new Set(
  [
    'saslStart',
    'saslContinue',
    'authenticate',
    'getnonce',
    'logout',
    'createUser',
    'updateUser',
    'copydb',
    'copydbgetnonce',
    'copydbSaslStart',
    'setParameter',
  ].map((name) => name.toLowerCase()),
);

/** Commands that command-table.ts does not know, and whose first value is a name, but not that of a collection. */
const NAMES_NO_COLLECTION = /user|role|auth|sasl|nonce|parameter|log|privilege/i;

interface RulesOptions {
  readonly other?: Rule;
  readonly scalar?: Exclude<Rule, FieldRules>;
}

function rules(
  fields: Readonly<Record<string, Rule>>,
  { other = 'hide', scalar = 'hide' }: RulesOptions = {},
): FieldRules {
  return { fields: new Map(Object.entries(fields)), other, scalar };
}

/** The same rule for many names. */
function all(rule: Rule, names: string): Record<string, Rule> {
  return Object.fromEntries(names.split(' ').map((name) => [name, rule]));
}

/** Driver and application stay, for they are shown per client; the machine they run on does not. */
const CLIENT: FieldRules = rules({
  application: rules({ name: 'text' }),
  driver: rules({ name: 'text', version: 'text' }),
});
const SPECULATION: FieldRules = rules(all('number', 'saslStart authenticate conversationId done'));
const TOPOLOGY_VERSION: FieldRules = rules({ processId: 'keep', counter: 'number' });

/** A filter, or a document with the `$comment` of one. */
export const FILTER: FieldRules = rules({ $comment: 'comment' });
const STATEMENT: FieldRules = rules({ q: FILTER, ...all('number', 'multi upsert limit ordered') });
const BULK_OPERATION: FieldRules = rules({
  filter: FILTER,
  ...all('number', 'insert update delete multi upsert'),
});

/** The stages that name other collections, and what nests pipelines. */
const PIPELINE: FieldRules = pipelineRules();

function pipelineRules(): FieldRules {
  const stages = new Map<string, Rule>();
  const pipeline: FieldRules = { fields: stages, other: 'hide', scalar: 'hide' };
  const collection = rules(all('text', 'db coll'), { scalar: 'text' });
  stages.set('$match', FILTER);
  stages.set('$lookup', rules({ from: collection, pipeline }));
  stages.set('$graphLookup', rules({ from: 'text' }));
  stages.set('$unionWith', rules({ coll: 'text', db: 'text', pipeline }, { scalar: 'text' }));
  stages.set('$facet', rules({}, { other: pipeline }));
  stages.set('$out', collection);
  stages.set('$merge', rules({ into: collection }, { scalar: 'text' }));
  return pipeline;
}

/** What proves an identity or describes the client's machine. */
const ALWAYS_IN_REQUESTS: Readonly<Record<string, Rule>> = {
  client: CLIENT,
  clientUpdate: CLIENT,
  $client: CLIENT,
  speculativeAuthenticate: SPECULATION,
  saslSupportedMechs: 'hide',
};

const REQUEST: FieldRules = rules({
  ...all('text', '$db collection compression apiVersion mechanism backpressure'),
  ...all(
    'number',
    'txnNumber autocommit startTransaction maxTimeMS batchSize limit skip singleBatch ordered cursors tailable ' +
      'awaitData noCursorTimeout allowDiskUse bypassDocumentValidation upsert new remove multi maxAwaitTimeMS helloOk ' +
      'loadBalanced apiStrict apiDeprecationErrors nameOnly authorizedCollections conversationId stmtId capped size ' +
      'bypassEmptyTsReplacement errorsOnly returnKey showRecordId allowPartialResults',
  ),
  lsid: rules({ id: 'keep' }),
  comment: 'comment',
  filter: FILTER,
  query: FILTER,
  pipeline: PIPELINE,
  updates: STATEMENT,
  deletes: STATEMENT,
  ops: BULK_OPERATION,
  nsInfo: rules({ ns: 'text' }),
  cursor: rules({ batchSize: 'number' }),
  readConcern: rules({ level: 'text' }),
  writeConcern: rules(all('text', 'w j wtimeout')),
  $readPreference: rules(all('text', 'mode maxStalenessSeconds')),
  topologyVersion: TOPOLOGY_VERSION,
  ...ALWAYS_IN_REQUESTS,
});

/** Fields that only some commands have with this meaning. */
const OWN_FIELDS: ReadonlyMap<string, FieldRules> = new Map(
  Object.entries({
    renameCollection: rules({ to: 'text', dropTarget: 'number' }),
    mapReduce: rules({ out: rules(all('text', 'replace merge reduce db'), { scalar: 'text' }) }),
    create: rules({ viewOn: 'text' }),
  }),
);

const SECRET_REQUEST: FieldRules = rules({
  ...all('text', '$db mechanism'),
  ...all('number', 'conversationId autoAuthorize'),
  lsid: rules({ id: 'keep' }),
});

const RAW_REQUEST: FieldRules = rules({ ...ALWAYS_IN_REQUESTS }, { other: 'raw' });

/** A login's answers, which can be told from others by their names only. */
const ALWAYS_IN_REPLIES: Readonly<Record<string, Rule>> = {
  payload: 'hide',
  nonce: 'hide',
  saslSupportedMechs: 'text',
  speculativeAuthenticate: SPECULATION,
};

/** The top level of a reply. */
const REPLY: FieldRules = rules({
  ...all(
    'number',
    'ok code n nModified nInserted nMatched nUpserted nDeleted nRemoved nErrors nIndexesWas helloOk ismaster ' +
      'isWritablePrimary secondary arbiterOnly passive hidden readOnly maxBsonObjectSize maxMessageSizeBytes ' +
      'maxWriteBatchSize logicalSessionTimeoutMinutes connectionId minWireVersion maxWireVersion setVersion ' +
      'conversationId done cursorsKilled cursorsNotFound cursorsAlive cursorsUnknown numIndexesBefore numIndexesAfter ' +
      'createdCollectionAutomatically retryAfterMS',
  ),
  ...all('text', 'codeName errorLabels msg ns compression version'),
  cursor: rules({ id: 'number', ns: 'text', partialResultsReturned: 'number' }),
  writeErrors: rules({ ...all('number', 'index code'), codeName: 'text' }),
  writeConcernError: rules({ code: 'number', codeName: 'text' }),
  lastErrorObject: rules(all('number', 'n updatedExisting')),
  upserted: rules({ index: 'number' }),
  topologyVersion: TOPOLOGY_VERSION,
  ...ALWAYS_IN_REPLIES,
});

const RAW_REPLY: FieldRules = rules({ ...ALWAYS_IN_REPLIES }, { other: 'raw' });
const SECRET_REPLY: FieldRules = rules({
  ...all('number', 'ok code conversationId done'),
  ...all('text', 'codeName errorLabels'),
  ...ALWAYS_IN_REPLIES,
});

/** Whether everything about a command is secret. */
export function isSecretCommand(name: string): boolean {
  return SECRET_COMMANDS.has(name.toLowerCase());
}

/** Rules for the fields of a command, its first excepted. */
export function requestRules(name: string, keepsValues: boolean): FieldRules {
  if (isSecretCommand(name)) return SECRET_REQUEST;
  return keepsValues ? RAW_REQUEST : REQUEST;
}

/** The rule of one field of a command. */
export function requestRule(name: string, field: string, keepsValues: boolean): Rule {
  const { fields, other } = requestRules(name, keepsValues);
  return fields.get(field) ?? (keepsValues ? undefined : OWN_FIELDS.get(name)?.fields.get(field)) ?? other;
}

/** The rule of a command's first value: nearly always a collection or the number 1, else a host, a script, a user. */
export function firstRule(name: string, { namespace }: CommandRow, keepsValues: boolean): Rule {
  if (isSecretCommand(name)) return 'number';
  if (keepsValues) return 'raw';
  return namespace === 'none' || NAMES_NO_COLLECTION.test(name) ? 'number' : 'text';
}

/** @param isSecret it answers a command that is secret. */
export function replyRules(isSecret: boolean, keepsValues: boolean): FieldRules {
  if (isSecret) return SECRET_REPLY;
  return keepsValues ? RAW_REPLY : REPLY;
}
