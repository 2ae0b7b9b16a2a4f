// Errors the sandbox answers with, under MongoDB's numbers and names.
// Nothing here writes bytes. Invariant: every code that is thrown has its name in the table.

import { type Doc, Double } from './documents.ts';

const codeNames: ReadonlyMap<number, string> = new Map([
  [2, 'BadValue'],
  [6, 'HostUnreachable'],
  [8, 'UnknownError'],
  [9, 'FailedToParse'],
  [13, 'Unauthorized'],
  [14, 'TypeMismatch'],
  [18, 'AuthenticationFailed'],
  [15, 'Overflow'],
  [16, 'InvalidLength'],
  [20, 'IllegalOperation'],
  [22, 'InvalidBSON'],
  [26, 'NamespaceNotFound'],
  [27, 'IndexNotFound'],
  [28, 'PathNotViable'],
  [40, 'ConflictingUpdateOperators'],
  [43, 'CursorNotFound'],
  [48, 'NamespaceExists'],
  [50, 'MaxTimeMSExpired'],
  [52, 'DollarPrefixedFieldName'],
  [53, 'InvalidIdField'],
  [56, 'EmptyFieldName'],
  [59, 'CommandNotFound'],
  [66, 'ImmutableField'],
  [67, 'CannotCreateIndex'],
  [72, 'InvalidOptions'],
  [73, 'InvalidNamespace'],
  [85, 'IndexOptionsConflict'],
  [86, 'IndexKeySpecsConflict'],
  [91, 'ShutdownInProgress'],
  [112, 'WriteConflict'],
  [133, 'FailedToSatisfyReadPreference'],
  [171, 'CannotIndexParallelArrays'],
  [189, 'PrimarySteppedDown'],
  [225, 'TransactionTooOld'],
  [352, 'UnsupportedOpQueryCommand'],
  [462, 'IngressRequestRateLimitExceeded'],
  [10107, 'NotWritablePrimary'],
  [10334, 'BSONObjectTooLarge'],
  [11000, 'DuplicateKey'],
  [11600, 'InterruptedAtShutdown'],
  [13435, 'NotPrimaryNoSecondaryOk'],
  [14031, 'OutOfDiskSpace'],
]);

/** MongoDB's name of a code; codes without a name are called as the server calls them, `Location<code>`. */
export function codeNameOf(code: number): string {
  return codeNames.get(code) ?? `Location${code}`;
}

/** A refusal with a MongoDB code. `extra` is merged into the reply (keyPattern, keyValue …). */
export class CommandError extends Error {
  readonly code: number;
  readonly extra: Doc;

  constructor(code: number, message: string, extra: Doc = {}) {
    super(message);
    this.code = code;
    this.extra = extra;
  }

  /** As one entry of a reply's `writeErrors`. */
  toWriteError(index: number): Doc {
    return { index, code: this.code, errmsg: this.message, ...this.extra };
  }
}

/** A whole reply that says no: ok 0, code int32, names and labels where drivers look for them. */
export function errorReply(code: number, message: string, errorLabels: readonly string[] = [], extra: Doc = {}): Doc {
  const labels = errorLabels.length === 0 ? {} : { errorLabels: [...errorLabels] };
  return { ok: new Double(0), errmsg: message, code, codeName: codeNameOf(code), ...extra, ...labels };
}
