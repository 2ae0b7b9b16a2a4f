// How long a turn on the awaiting lane is, apart from what becomes of it (await-turns.test.ts), and when there are none.
// Invariants tested: servers have a crowd each; no turn is shorter than 20 ms; a limit that the server judges is not written.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeMessage, Frame, readCommand, serialize } from '../../../codecs/index.ts';
import { AwaitTurns } from '../../../src/router/await-turns.ts';
import { type CursorEntry, CursorTable } from '../../../src/router/cursor-table.ts';
import { openStreams, streamReply } from '../../support/change-streams.ts';
import { startRig } from '../../support/rig.ts';
import { session } from '../../support/test-client.ts';

describe('no turns are taken', () => {
  for (const maxTimeMS of [0, -1, 'x', 2 ** 31]) {
    test(`where maxTimeMS is ${JSON.stringify(maxTimeMS)}: the server judges it`, () => {
      const rig = startRig({ pool: { awaitConnections: 1 } });
      const all = openStreams(rig, 3);
      const [holder, other] = all;
      assert.ok(holder && other);
      for (const watcher of all) watcher.ask({ maxTimeMS });
      rig.answer('getMore', streamReply(holder.id, [], 1));
      const request = rig.server.take('getMore');
      const lsid = session(Number(other.id));
      assert.deepEqual(request.body, serialize({ getMore: other.id, collection: 'log', lsid, maxTimeMS, $db: 'shop' }));
      rig.answer('getMore', streamReply(other.id, [], 2));
      assert.equal(other.token, 2);
    });
  }
});

describe('servers', () => {
  test('have a crowd each', () => {
    const cursors = new CursorTable();
    const turns = new AwaitTurns({ submit: () => {}, cancel: () => false }, cursors, 1);
    const frame = Frame.of(encodeMessage({ getMore: 1n, collection: 'log', $db: 'shop' }, 1, 0));
    const begin = (server: string, nowMs: number): number => {
      const { frame: sent } = turns.begin(readCommand(frame), { server } as CursorEntry, nowMs);
      return readCommand(sent).maxTimeMS;
    };
    assert.deepEqual([begin('a:1', 0), begin('a:1', 0), begin('a:1', 0)], [-1, 200, 133]);
    assert.equal(begin('b:1', 0), -1);
    assert.equal(begin('a:1', 0), 100);
    for (let number = 0; number < 30; number++) begin('a:1', 0);
    assert.equal(begin('a:1', 0), 20, 'no turn is shorter');
  });
});
