// A handshake is no place for an overload answer: drivers would not understand it there (protocol.md 5.5).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRig } from '../../support/rig.ts';
import { clientDocument } from '../../support/test-client.ts';

test('a hello is never refused by a limit', () => {
  const all = { name: 'all', match: {}, per: [], ratePerSecond: 1, burst: 1, mode: 'enforce' } as const;
  const rig = startRig({ limits: [all] });
  for (let number = 0; number < 5; number++) {
    const client = rig.connectClient();
    client.send({ hello: 1, client: clientDocument('app'), $db: 'admin' });
    client.send({ hello: 1, $db: 'admin' });
    assert.deepEqual(
      client.replies.map(({ document }): unknown[] => [document['ok'], document['errorLabels']]),
      [
        [1, undefined],
        [1, undefined],
      ],
    );
  }
  assert.equal(rig.limits.snapshot()[0]?.matched, 0);
});
