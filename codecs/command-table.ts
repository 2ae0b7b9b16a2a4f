// What weir knows of each command, one row a command: its collection, who else it touches, what it does, what is counted.
// Does not read bytes: command-namespace.ts, namespace-uses.ts and query-kind.ts apply the rules.
// Invariant: a command that is absent follows UNKNOWN_COMMAND: a string first value is taken for a collection.
// docs/generated/commands.md is made from this table.

import { NameTable } from './text.ts';

/**
 * Where the collection stands. first: the first value, a string. aggregate: the same, or the number 1. getMore: field
 * `collection`. fullName: the first value is `db.collection`. bulkWrite: `nsInfo`. explain: the inner command.
 * none: no collection at all. guess: the first value if it is a string.
 */
export type NamespaceRule = 'first' | 'aggregate' | 'getMore' | 'fullName' | 'bulkWrite' | 'explain' | 'none' | 'guess';

/** Where further namespaces may stand, so that most commands pay one comparison. */
export type SecondaryRule = 'none' | 'pipeline' | 'bulkWrite' | 'explain' | 'rename' | 'mapReduce';

/** admin: changes or tells of the deployment, of collections or of users. session: connection, login, sessions, transactions. */
export type CommandAccess = 'read' | 'write' | 'admin' | 'session';

/** Where the predicate stands that the query kind is read from; statement: `q` of the first one; match: a leading $match. */
export type PredicateRule = 'none' | 'filter' | 'query' | 'statement' | 'match' | 'explain';

/** The list (array or document sequence) whose elements are the command's statements; '' without one. */
export type StatementList = '' | 'documents' | 'updates' | 'deletes' | 'ops';

/** One row. `name` is the spelling of the documentation; aliases are other spellings that servers take. */
export interface CommandRow {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly namespace: NamespaceRule;
  readonly access: CommandAccess;
  readonly secondary: SecondaryRule;
  readonly predicate: PredicateRule;
  readonly statements: StatementList;
}

type Details = Partial<Pick<CommandRow, 'secondary' | 'predicate' | 'statements'>>;

/** @param names the name and its aliases with a slash between them. */
function row(names: string, namespace: NamespaceRule, access: CommandAccess, details: Details = {}): CommandRow {
  const [name = '', ...aliases] = names.split('/');
  const { secondary = 'none', predicate = 'none', statements = '' } = details;
  // One literal, so that all rows have one shape: they are read for every operation.
  return { name, aliases, namespace, access, secondary, predicate, statements };
}

/** Rows that differ by their names only. */
function rows(namespace: NamespaceRule, access: CommandAccess, names: string): CommandRow[] {
  return names
    .trim()
    .split(/\s+/)
    .map((each) => row(each, namespace, access));
}

/** Every command with a rule, in the order in which people read about them. */
export const COMMAND_ROWS: readonly CommandRow[] = [
  row('find', 'first', 'read', { predicate: 'filter' }),
  row('aggregate', 'aggregate', 'read', { secondary: 'pipeline', predicate: 'match' }),
  row('count', 'first', 'read', { predicate: 'query' }),
  row('distinct', 'first', 'read', { predicate: 'query' }),
  row('getMore', 'getMore', 'read'),
  row('insert', 'first', 'write', { statements: 'documents' }),
  row('update', 'first', 'write', { predicate: 'statement', statements: 'updates' }),
  row('delete', 'first', 'write', { predicate: 'statement', statements: 'deletes' }),
  row('findAndModify/findandmodify', 'first', 'write', { predicate: 'query' }),
  row('bulkWrite', 'bulkWrite', 'write', { secondary: 'bulkWrite', statements: 'ops' }),
  row('explain', 'explain', 'read', { secondary: 'explain', predicate: 'explain' }),
  row('mapReduce/mapreduce', 'first', 'read', { secondary: 'mapReduce' }),
  row('renameCollection', 'fullName', 'admin', { secondary: 'rename' }),
  ...rows('first', 'read', 'listIndexes killCursors listSearchIndexes parallelCollectionScan geoNear geoSearch'),
  ...rows(
    'first',
    'admin',
    `create drop collMod createIndexes dropIndexes/deleteIndexes reIndex collStats/collstats validate compact
    convertToCapped cloneCollectionAsCapped createSearchIndexes updateSearchIndex dropSearchIndex planCacheClear
    planCacheClearFilters planCacheListFilters planCacheSetFilter planCacheListPlans planCacheListQueryShapes analyze
    setIndexCommitQuorum compactStructuredEncryptionData cleanupStructuredEncryptionData`,
  ),
  ...rows(
    'fullName',
    'admin',
    `dataSize/datasize shardCollection unshardCollection moveCollection reshardCollection abortReshardCollection
    commitReshardCollection refineCollectionShardKey split splitVector moveChunk moveRange mergeChunks
    mergeAllChunksOnShard clearJumboFlag cleanupOrphaned updateZoneKeyRange setAllowMigrations getShardVersion
    analyzeShardKey configureQueryAnalyzer balancerCollectionStatus`,
  ),
  ...rows('none', 'read', 'listCollections listDatabases dbStats/dbstats dbHash/dbhash filemd5'),
  ...rows(
    'none',
    'session',
    `hello isMaster/ismaster ping saslStart saslContinue authenticate getnonce logout startSession refreshSessions
    endSessions killSessions killAllSessions killAllSessionsByPattern commitTransaction abortTransaction getLastError/getlasterror
    getPrevError/getpreverror resetError/reseterror whatsmyuri whatsmysni connectionStatus buildInfo/buildinfo`,
  ),
  ...rows(
    'none',
    'admin',
    `dropDatabase serverStatus hostInfo listCommands features currentOp killOp top lockInfo cursorInfo getLog
    getCmdLineOpts getParameter setParameter getClusterParameter setClusterParameter getDefaultRWConcern
    setDefaultRWConcern setFeatureCompatibilityVersion getDiagnosticData connPoolStats connPoolSync
    shardConnPoolStats fsync fsyncUnlock logRotate rotateCertificates profile shutdown configureFailPoint
    eval/$eval clone copydb copydbgetnonce copydbSaslStart repairDatabase
    usersInfo createUser updateUser dropUser dropAllUsersFromDatabase grantRolesToUser revokeRolesFromUser
    rolesInfo createRole updateRole dropRole dropAllRolesFromDatabase grantPrivilegesToRole
    revokePrivilegesFromRole grantRolesToRole revokeRolesFromRole invalidateUserCache
    replSetGetStatus replSetGetConfig replSetInitiate replSetReconfig replSetStepDown replSetFreeze
    replSetMaintenance replSetSyncFrom replSetResizeOplog replSetAbortPrimaryCatchUp appendOplogNote
    addShard removeShard listShards enableSharding movePrimary flushRouterConfig getShardMap isdbgrid
    balancerStart balancerStop balancerStatus addShardToZone removeShardFromZone
    setQuerySettings removeQuerySettings`,
  ),
];

/** The row of every command that is not in the table. */
export const UNKNOWN_COMMAND: CommandRow = row('', 'guess', 'admin');

const BY_NAME: readonly (readonly [string, CommandRow])[] = COMMAND_ROWS.flatMap((each) =>
  [each.name, ...each.aliases].map((name) => [name, each] as const),
);

/** Every name and alias with a row; names found here make no new string. */
export const COMMAND_NAMES: NameTable = new NameTable(BY_NAME.map(([name]) => name));

const BY_INDEX: readonly CommandRow[] = BY_NAME.map(([, each]) => each);

/** The row of a command by its index in {@link COMMAND_NAMES}; UNKNOWN_COMMAND for -1. */
export function commandRow(index: number): CommandRow {
  return index < 0 ? UNKNOWN_COMMAND : (BY_INDEX[index] as CommandRow);
}
