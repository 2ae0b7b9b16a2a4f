// Where the sandbox and secantusd-rs answer differently, and what is known about why. docs/sandbox-differences.md is made of this
// table, and test/real/sandbox-rules.test.ts fails when an entry is no difference any more or when one is missing.
// Invariant: every entry names one command of the script.

/** Whose answer is that of MongoDB's documentation: the sandbox's, the other server's, or nobody knows. */
export type Side = 'sandbox' | 'server' | 'open';

export interface KnownDifference {
  readonly rule: string;
  readonly right: Side;
  readonly why: string;
}

const UNSUPPORTED = 'the server refuses this projection as not supported';

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    rule: 'order: all types in a pipeline',
    right: 'sandbox',
    why: 'the server orders bytes by content before length in pipelines, in finds by length as MongoDB does',
  },
  {
    rule: 'sort: a place in an array',
    right: 'open',
    why: 'an array at the end of a path that names a place: the sandbox sorts by its smallest element, the server by the array',
  },
  { rule: 'sort: negative limit', right: 'open', why: 'both refuse; code 51024 here, 2 there' },
  { rule: 'sort: negative skip', right: 'open', why: 'both refuse; code 51024 here, 2 there' },
  {
    rule: 'projection: true and other numbers include',
    right: 'sandbox',
    why: 'the server leaves the order of the document when the number is not 1',
  },
  { rule: 'projection: a nested document', right: 'sandbox', why: UNSUPPORTED },
  { rule: 'projection: a nested document excluded', right: 'sandbox', why: UNSUPPORTED },
  { rule: 'projection: slice with a limit of 0', right: 'sandbox', why: 'both refuse; the server with code 2' },
  { rule: 'projection: elemMatch beside an exclusion', right: 'sandbox', why: UNSUPPORTED },
  {
    rule: 'projection: positional after elemMatch',
    right: 'sandbox',
    why: 'the server does not know the element that `$elemMatch` found in the filter',
  },
  {
    rule: 'projection: positional without its array in the filter',
    right: 'sandbox',
    why: 'both refuse; the server with code 2',
  },
  {
    rule: 'projection: a computed field in a nested document',
    right: 'open',
    why: 'a computed field below an array: the sandbox puts it into every document of the array, the server replaces the array',
  },
  {
    rule: 'projection: a name with a dollar',
    right: 'sandbox',
    why: 'the server takes a field name that starts with $',
  },
  { rule: 'projection: slice that is no number', right: 'sandbox', why: 'both refuse; the server with code 2' },
  {
    rule: 'filter: all of an array',
    right: 'sandbox',
    why: '`$all` of one array also finds the field that equals this array; the server looks only at elements',
  },
  {
    rule: 'update: a pipeline that replaces',
    right: 'sandbox',
    why: 'the server puts the kept `_id` last',
  },
  { rule: 'index: deleteIndexes and all', right: 'sandbox', why: 'the server lacks the old spelling of dropIndexes' },
];
