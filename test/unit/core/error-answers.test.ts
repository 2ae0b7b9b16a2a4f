// The whole list of what weir says by itself, written again. Invariants tested: never RetryableWriteError on a refusal;
// NoWritesPerformed only where nothing was sent; no code that would make a driver drop the server.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as answers from '../../../src/core/error-answers.ts';
import { ERROR_TABLE, type LossKind, SILENCES } from '../../../src/core/error-table.ts';

const { upstreamLost } = answers;
const OVERLOAD = 'IngressRequestRateLimitExceeded';

type Row = readonly [answer: answers.ErrorAnswer, code: number, codeName: string, labels: readonly string[]];

const REFUSALS: readonly Row[] = [
  [answers.limitRefused('l', 150), 462, OVERLOAD, ['SystemOverloadedError', 'RetryableError', 'NoWritesPerformed']],
  [answers.queueFull(9), 462, OVERLOAD, ['SystemOverloadedError', 'RetryableError', 'NoWritesPerformed']],
  [answers.waitTimedOut(5000), 462, OVERLOAD, ['SystemOverloadedError', 'NoWritesPerformed']],
  [answers.maxTimeExpired(true), 50, 'MaxTimeMSExpired', []],
  [answers.maxTimeExpired(false), 50, 'MaxTimeMSExpired', ['NoWritesPerformed']],
  [answers.cursorNotFound(-5n), 43, 'CursorNotFound', []],
  [answers.cursorKilled(-5n), 237, 'CursorKilled', []],
  [answers.interrupted(true), 11601, 'Interrupted', []],
  [answers.interrupted(false), 11601, 'Interrupted', ['NoWritesPerformed']],
  [answers.tooManyCursors(9), 9, 'FailedToParse', []],
  [answers.authenticationFailed(), 18, 'AuthenticationFailed', []],
  [answers.commandNotFound('x'), 59, 'CommandNotFound', []],
  [answers.noReplication('replSetGetStatus'), 76, 'NoReplicationEnabled', []],
  [answers.sessionKillRefused('killAllSessions'), 13, 'Unauthorized', []],
  [answers.internalClientRefused(), 13, 'Unauthorized', []],
  [answers.halfAwaitableHello(true), 51760, 'Location51760', []],
  [answers.halfAwaitableHello(false), 51760, 'Location51760', []],
  [answers.unsupportedOpQuery('find'), 352, 'UnsupportedOpQueryCommand', []],
  [answers.unsupportedOpQueryFind(), 5739101, 'Location5739101', []],
  [answers.malformed(22, 'InvalidBSON', 'malformed'), 22, 'InvalidBSON', []],
  [answers.badMetadata(183, 'x'), 183, 'ClientMetadataMissingField', []],
  [answers.badMetadata(184, 'x'), 184, 'ClientMetadataAppNameTooLarge', []],
  [answers.badMetadata(185, 'x'), 185, 'ClientMetadataDocumentTooLarge', []],
  [answers.badMetadata(186, 'x'), 186, 'ClientMetadataCannotBeMutated', []],
];

const LOSSES: readonly (readonly [kind: LossKind, labels: readonly string[]])[] = [
  ['read', []],
  ['plain_write', []],
  ['retryable_write', ['RetryableWriteError']],
  ['transaction_statement', ['TransientTransactionError']],
  ['commit_or_abort', ['RetryableWriteError']],
  ['change_stream_get_more', ['ResumableChangeStreamError']],
  ['get_more', []],
];

/** Codes on which drivers mark a server unknown, clear its pool, or retry at once (protocol.md 5.2). */
const HARMFUL = [262, 91, 11600, 11602, 10107, 13435, 13436, 189, 10058, 134, 7, 89, 9001];

describe('what weir says by itself', () => {
  for (const [answer, code, codeName, labels] of REFUSALS) {
    test(`${code} ${codeName} [${labels.join(' ')}]`, () => {
      assert.deepEqual([answer.code, answer.codeName, answer.errorLabels], [code, codeName, labels]);
      assert.ok(!answer.errorLabels.includes('RetryableWriteError'));
      assert.ok(!HARMFUL.includes(answer.code));
      assert.ok(answer.errmsg.length > 0);
    });
  }

  for (const [kind, labels] of LOSSES) {
    test(`a lost ${kind}`, () => {
      const [written, unwritten] = [upstreamLost(kind, true), upstreamLost(kind, false)];
      assert.deepEqual([written.code, written.codeName], [6, 'HostUnreachable']);
      assert.deepEqual([unwritten.code, unwritten.codeName], [6, 'HostUnreachable']);
      assert.deepEqual(written.errorLabels, labels);
      assert.deepEqual(unwritten.errorLabels, [...labels, 'NoWritesPerformed']);
    });
  }

  test('every row of the table is said somewhere, and none that is said is missing', () => {
    const keyOf = (code: number, codeName: string, labels: readonly string[]): string =>
      `${code} ${codeName} ${labels.join(' ')}`;
    const said = REFUSALS.filter(([{ errmsg }]) => errmsg !== 'malformed').map(([, ...cells]) => keyOf(...cells));
    for (const [kind] of LOSSES) said.push(keyOf(6, 'HostUnreachable', upstreamLost(kind, true).errorLabels));
    const rows = Object.values(ERROR_TABLE).map(({ code, codeName, labels }) => keyOf(code, codeName, labels));
    assert.deepEqual([...new Set(said)].sort(), [...new Set(rows)].sort());
  });

  test('each row and each silence has its sentences, fit for a table', () => {
    const texts = Object.values(ERROR_TABLE).flatMap(({ when, effect }) => [when, effect]);
    texts.push(...SILENCES.flatMap(({ when, instead }) => [when, instead]));
    for (const text of texts) assert.match(text, /^[^|\n]+$/);
  });

  test('a name from the wire is cut', () => {
    assert.ok(answers.commandNotFound('x'.repeat(9999)).errmsg.length < 200);
  });

  test('a pause is given with a limit and with a full queue, nowhere else', () => {
    assert.equal(answers.limitRefused('l', 150).baseBackoffMs, 150);
    assert.match(answers.limitRefused('slow reports', 1).errmsg, /'slow reports'/);
    assert.ok(answers.queueFull(9).baseBackoffMs > 0);
    for (const [answer] of REFUSALS.slice(2)) assert.equal(answer.baseBackoffMs, 0, answer.errmsg);
  });
});
