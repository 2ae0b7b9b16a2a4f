// An operation's end. Invariant tested: finish() takes effect once, whoever calls it how often, and tells its record
// before its finisher.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMessage, Frame, readCommand } from '../../../codecs/index.ts';
import { type Client, Peer } from '../../../src/core/client.ts';
import { Operation } from '../../../src/core/operation.ts';
import { OUTCOMES } from '../../../src/core/outcome.ts';

const client: Client = {
  id: 1,
  listener: 'main',
  peer: new Peer('x'),
  app: '-',
  understandsBackoff: false,
  isClosed: false,
};

function makeOperation(calls: string[]): Operation {
  const command = readCommand(Frame.of(encodeMessage({ find: 'a', $db: 'd' }, 42, 0)));
  const operation = new Operation(client, command, 1000, {
    onFinish: ({ outcome }) => void calls.push(`told ${outcome}`),
  });
  operation.record = {
    isShort: false,
    begin: () => {},
    finish: ({ outcome, errorCode }) => void calls.push(`recorded ${outcome} ${errorCode}`),
  };
  return operation;
}

test('an operation is finished once', () => {
  const calls: string[] = [];
  const operation = makeOperation(calls);
  operation.errorCode = 6;
  assert.equal(operation.isFinished, false);
  assert.equal(operation.finish('upstream_lost'), true);
  for (const outcome of OUTCOMES) assert.equal(operation.finish(outcome), false);
  assert.equal(operation.isFinished, true);
  assert.equal(operation.outcome, 'upstream_lost');
  assert.deepEqual(calls, ['recorded upstream_lost 6', 'told upstream_lost']);
});

test('a finisher that finishes again changes nothing', () => {
  const calls: string[] = [];
  const command = readCommand(Frame.of(encodeMessage({ find: 'a', $db: 'd' }, 42, 0)));
  const operation = new Operation(client, command, 1000, {
    onFinish: (finished) => {
      calls.push(finished.outcome);
      finished.finish('ok');
    },
  });
  operation.finish('client_gone');
  assert.deepEqual(calls, ['client_gone']);
});

test('an operation keeps what its client sent', () => {
  const operation = makeOperation([]);
  operation.frame.setRequestId(7);
  assert.equal(operation.clientRequestId, 42);
  assert.equal(operation.requestBytes, operation.frame.length);
  assert.equal(operation.serverMs, -1);
});
