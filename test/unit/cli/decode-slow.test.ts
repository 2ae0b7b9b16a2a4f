// The slowest are kept, whatever order they come in, and no more of them than the bound.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeMessage, Frame, readAnyRequest } from '../../../codecs/index.ts';
import { SlowOperations } from '../../../src/cli/decode-slow.ts';
import { Peer } from '../../../src/core/client.ts';
import { Operation } from '../../../src/core/operation.ts';
import { seededRandom } from '../../support/tcp-script.ts';

const CLIENT = { id: 1, listener: 'x', peer: new Peer('x'), app: 'shop', understandsBackoff: false, isClosed: false };
const COMMAND = readAnyRequest(Frame.of(encodeMessage({ find: 'a', $db: 'b' }, 1, 0)));

function add(slow: SlowOperations, serverMs: number, conversation = 1): void {
  const operation = new Operation(CLIENT, COMMAND, 1000, { onFinish: () => {} });
  operation.serverMs = serverMs;
  slow.add(operation, conversation);
}

describe('SlowOperations', () => {
  it('keeps those above the limit, slowest first', () => {
    const slow = new SlowOperations(10);
    for (const ms of [10, 11, 9, 30, 20]) add(slow, ms, ms);
    assert.deepEqual(
      slow.slowest().map(({ serverMs, conversation }) => [serverMs, conversation]),
      [
        [30, 30],
        [20, 20],
        [11, 11],
      ],
    );
    assert.equal(slow.total, 3);
  });

  it('keeps the thousand slowest of many', () => {
    const slow = new SlowOperations(1);
    const random = seededRandom(4);
    const times = Array.from({ length: 20_000 }, () => 1 + random() * 1000);
    for (const ms of times) add(slow, ms);
    const expected = times.sort((a, b) => b - a).slice(0, 1000);
    assert.deepEqual(
      slow.slowest().map(({ serverMs }) => serverMs),
      expected,
    );
    assert.equal(slow.total, 20_000);
  });
});
