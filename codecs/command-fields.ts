// The top-level fields of a command that weir reads, numbered.
// Does not say what they mean; `command.ts` does.
// Invariant: the order of names is the order of FIELD.

/** Index of a field in {@link FIELD_NAMES}. */
export const FIELD = {
  db: 0,
  lsid: 1,
  txnNumber: 2,
  autocommit: 3,
  startTransaction: 4,
  maxTimeMS: 5,
  comment: 6,
  collection: 7,
  readPreference: 8,
  filter: 9,
  query: 10,
  pipeline: 11,
  updates: 12,
  deletes: 13,
  cursors: 14,
  tailable: 15,
  awaitData: 16,
  nsInfo: 17,
  documents: 18,
  ops: 19,
} as const;

/** The names on the wire. */
export const FIELD_NAMES: readonly string[] = [
  '$db',
  'lsid',
  'txnNumber',
  'autocommit',
  'startTransaction',
  'maxTimeMS',
  'comment',
  'collection',
  '$readPreference',
  'filter',
  'query',
  'pipeline',
  'updates',
  'deletes',
  'cursors',
  'tailable',
  'awaitData',
  'nsInfo',
  'documents',
  'ops',
];
