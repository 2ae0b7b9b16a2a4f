// Filters compiled to predicates: logic, paths and the list of conditions of each path. What a condition means is in conditions.ts.
// `$expr` is given to the engine. Invariant: compiling refuses what MongoDB refuses; testing never throws for odd documents.

import { readCondition } from './conditions.ts';
import { type Doc, isDocument } from './documents.ts';
import { CommandError } from './errors.ts';
import type { TextOrder } from './value-order.ts';

/** Whether a document matches. */
export type DocumentTest = (document: Doc) => boolean;

/** What compiling needs from outside. */
export interface MatchContext {
  readonly texts: TextOrder;
  /** Compiles the expression of `$expr`. */
  expression(expression: unknown): DocumentTest;
}

const MAX_DEPTH = 100;

/** Compiles a filter. Throws 2 and its kin. */
export function compileFilter(filter: Doc, context: MatchContext, depth = 0): DocumentTest {
  if (depth > MAX_DEPTH) throw new CommandError(15, 'the filter is nested too deep');
  const tests = Object.entries(filter).flatMap(([key, value]) => readClause(key, value, context, depth));
  const [only] = tests;
  if (tests.length === 1 && only !== undefined) return only;
  return (document) => tests.every((test) => test(document));
}

function readClause(key: string, value: unknown, context: MatchContext, depth: number): DocumentTest[] {
  if (!key.startsWith('$')) return [readCondition(key, value, { ...context, filter: nested(context, depth) })];
  switch (key) {
    case '$and':
      return [every(readClauses(key, value, context, depth))];
    case '$or': {
      const tests = readClauses(key, value, context, depth);
      return [(document) => tests.some((test) => test(document))];
    }
    case '$nor': {
      const tests = readClauses(key, value, context, depth);
      return [(document) => !tests.some((test) => test(document))];
    }
    case '$expr':
      return [context.expression(value)];
    case '$comment':
      return [];
    case '$alwaysTrue':
    case '$alwaysFalse':
      return [() => key === '$alwaysTrue'];
    default:
      throw new CommandError(2, refusalOf(key));
  }
}

function refusalOf(key: string): string {
  const isKnown = ['$where', '$text', '$jsonSchema', '$sampleRate', '$ref', '$id', '$db'].includes(key);
  return isKnown ? `the sandbox has no ${key}` : `unknown top level operator: ${key}`;
}

const nested =
  (context: MatchContext, depth: number) =>
  (filter: Doc): DocumentTest =>
    compileFilter(filter, context, depth + 1);

const every =
  (tests: readonly DocumentTest[]): DocumentTest =>
  (document) =>
    tests.every((test) => test(document));

function readClauses(key: string, value: unknown, context: MatchContext, depth: number): DocumentTest[] {
  if (!Array.isArray(value) || value.length === 0 || !(value as unknown[]).every(isDocument))
    throw new CommandError(2, `${key} must be a nonempty array of objects`);
  return (value as Doc[]).map((filter) => compileFilter(filter, context, depth + 1));
}
