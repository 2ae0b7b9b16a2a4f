// Which commands name a collection, and where (one row per command).
// Does not read bytes; `command-namespace.ts` applies the rule.
// Invariant: a command that is absent follows `guess`: a string first value is taken for a collection.

import { NameTable } from './text.ts';

/**
 * first: the first value, a string. aggregate: the same, or the number 1. getMore: field `collection`.
 * fullName: the first value is `db.collection`. explain: the inner command. none: no collection at all.
 */
export type NamespaceRule = 'first' | 'aggregate' | 'getMore' | 'fullName' | 'bulkWrite' | 'explain' | 'none' | 'guess';

const COMMANDS: Readonly<Record<Exclude<NamespaceRule, 'guess'>, readonly string[]>> = {
  first: [
    'find',
    'insert',
    'update',
    'delete',
    'findAndModify',
    'findandmodify',
    'count',
    'distinct',
    'listIndexes',
    'createIndexes',
    'dropIndexes',
    'deleteIndexes',
    'create',
    'drop',
    'collMod',
    'collStats',
    'collstats',
    'validate',
    'compact',
    'convertToCapped',
    'mapReduce',
    'mapreduce',
    'createSearchIndexes',
    'listSearchIndexes',
    'updateSearchIndex',
    'dropSearchIndex',
    'planCacheClear',
    'planCacheClearFilters',
    'planCacheListFilters',
    'planCacheSetFilter',
    'analyze',
    'killCursors',
  ],
  aggregate: ['aggregate'],
  getMore: ['getMore'],
  fullName: [
    'renameCollection',
    'dataSize',
    'datasize',
    'shardCollection',
    'split',
    'moveChunk',
    'moveRange',
    'reshardCollection',
    'refineCollectionShardKey',
    'clearJumboFlag',
    'cleanupOrphaned',
  ],
  bulkWrite: ['bulkWrite'],
  explain: ['explain'],
  none: [
    'hello',
    'isMaster',
    'ismaster',
    'ping',
    'buildInfo',
    'buildinfo',
    'whatsmyuri',
    'connectionStatus',
    'serverStatus',
    'hostInfo',
    'listCollections',
    'listDatabases',
    'listCommands',
    'dbStats',
    'dbstats',
    'dropDatabase',
    'saslStart',
    'saslContinue',
    'authenticate',
    'getnonce',
    'logout',
    'usersInfo',
    'createUser',
    'updateUser',
    'dropUser',
    'currentOp',
    'killOp',
    'startSession',
    'refreshSessions',
    'endSessions',
    'killSessions',
    'killAllSessions',
    'commitTransaction',
    'abortTransaction',
    'getParameter',
    'setParameter',
    'getCmdLineOpts',
    'getLog',
    'fsync',
    'fsyncUnlock',
    'top',
    'replSetGetStatus',
    'replSetGetConfig',
    'configureFailPoint',
    'profile',
    'shutdown',
    'enableSharding',
    'listShards',
  ],
};

const RULES: readonly (readonly [string, NamespaceRule])[] = Object.entries(COMMANDS).flatMap(([rule, names]) =>
  names.map((name) => [name, rule as NamespaceRule] as const),
);

/** Every command with a rule; names found here make no new string. */
export const COMMAND_TABLE: NameTable = new NameTable(RULES.map(([name]) => name));

/** The rule of a command by its index in {@link COMMAND_TABLE}; `guess` for -1. */
export function namespaceRule(index: number): NamespaceRule {
  return RULES[index]?.[1] ?? 'guess';
}
