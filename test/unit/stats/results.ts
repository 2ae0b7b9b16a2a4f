// Builders for statistics tests. Invariant: a built result is a plain acknowledged read unless told otherwise.

import type { OperationResult } from '../../../src/core/operation.ts';
import type { OperationRow } from '../../../src/stats/operation-row.ts';

export function makeResult(parts: Partial<OperationResult> = {}): OperationResult {
  return {
    outcome: 'ok',
    errorCode: 0,
    errorOrigin: 'upstream',
    documentsReturned: 1,
    documentsChanged: 0,
    requestBytes: 100,
    replyBytes: 200,
    serverMs: 1,
    behindMs: 0,
    waitMs: 0,
    totalMs: 1.5,
    ...parts,
  };
}

/** One whole operation. */
export function runOperation(row: OperationRow, parts: Partial<OperationResult> = {}): void {
  row.begin();
  row.finish(makeResult(parts));
}
