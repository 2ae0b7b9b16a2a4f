// The loop over the statements of a write command: ordered or not, answered from memory where they ran before.
// What a statement does is the caller's. Invariant: a statement that fails leaves its trace in the errors and nothing else.

import { readFlag } from './arguments.ts';
import type { CommandRequest } from './command.ts';
import { type Doc, MAX_WRITE_BATCH } from './documents.ts';
import { CommandError } from './errors.ts';

/** What one statement did. `upserted` holds the new `_id`. */
export interface StatementOutcome {
  readonly n: number;
  readonly nModified?: number;
  readonly upserted?: { readonly _id: unknown };
}

/** A statement's end: what it did, or its refusal. */
export type StatementResult =
  | { readonly index: number; readonly outcome: StatementOutcome }
  | { readonly index: number; readonly error: CommandError };

/** Runs the statements in order. Throws 16 for none and for more than a batch may have. */
export function runStatements(
  request: CommandRequest,
  statements: readonly Doc[],
  run: (statement: Doc, index: number) => StatementOutcome,
): StatementResult[] {
  if (statements.length === 0 || statements.length > MAX_WRITE_BATCH) {
    const sizes = `Write batch sizes must be between 1 and ${MAX_WRITE_BATCH}. Got ${statements.length} operations.`;
    throw new CommandError(16, sizes);
  }
  const isOrdered = readFlag(request.command, 'ordered', true);
  const results: StatementResult[] = [];
  for (const [index, statement] of statements.entries()) {
    const result = runStatement(request, index, () => run(statement, index));
    results.push(result);
    if (isOrdered && 'error' in result) break;
  }
  return results;
}

function runStatement({ retries }: CommandRequest, index: number, run: () => StatementOutcome): StatementResult {
  const known = retries?.recall(index);
  if (known !== undefined) return { index, outcome: known as unknown as StatementOutcome };
  try {
    const outcome = run();
    retries?.remember(index, { ...outcome });
    return { index, outcome };
  } catch (error) {
    if (error instanceof CommandError) return { index, error };
    throw error;
  }
}

/** Sums the outcomes by a field. */
export function sumOf(results: readonly StatementResult[], read: (outcome: StatementOutcome) => number): number {
  return results.reduce((sum, result) => sum + ('outcome' in result ? read(result.outcome) : 0), 0);
}

/** The fields that every write reply may have beside its counts. */
export function closingFields({ retries }: CommandRequest, results: readonly StatementResult[]): Doc {
  const writeErrors = results.flatMap((result) => ('error' in result ? [result.error.toWriteError(result.index)] : []));
  return {
    ...(writeErrors.length === 0 ? {} : { writeErrors }),
    ...(retries === undefined || retries.recalled.length === 0 ? {} : { retriedStmtIds: [...retries.recalled] }),
  };
}
