// A recording of the real driver's traffic through weir: what the file holds is what the driver did, and no values.
// Decoding it is another test's job. Invariant: recording changes no result.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { run } from '../../src/cli/program.ts';
import { readRecording } from '../../src/recording/reader.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { viewConversation } from '../support/conversation-view.ts';
import { recordedIo } from '../unit/cli/recorded-io.ts';
import { eventually } from './harness/eventually.ts';
import { House } from './harness/house.ts';

const SECRET = 'very-secret-value';

for (const mode of ['pool', 'passthrough'] as const) {
  describe(`weir record beside a running weir, mode ${mode}`, () => {
    let sandbox: Sandbox;
    let house: House;

    before(async () => {
      sandbox = await startSandbox();
      house = await House.start({ upstreamPort: sandbox.port, mode });
    });

    after(async () => {
      await house.stop();
      await sandbox.stop();
    });

    test('holds what a driver does meanwhile, connections that were open before included', async () => {
      const early = await new MongoClient(house.uri, { directConnection: true, appName: 'early' }).connect();
      await early.db('shop').command({ ping: 1 });
      const io = recordedIo();
      const admin = `127.0.0.1:${house.weir.adminAddress?.port ?? 0}`;
      const exitCode = run(['record', '--admin', admin, '--seconds', '60'], io);
      await eventually('the recording runs', () => io.outLines.length > 0);

      await early.db('shop').collection('people').insertOne({ name: SECRET }, { comment: 'early.ts:1' });
      const late = await new MongoClient(house.uri, { directConnection: true, appName: 'late' }).connect();
      const found = await late
        .db('shop')
        .collection('people')
        .find({ name: SECRET }, { comment: 'late.ts:2' })
        .toArray();
      assert.equal(found.length, 1);
      await late.close();
      await eventually('both are in it', () => io.outLines.some((line) => /^\+\S+ \d+ end /.test(line)));
      io.send('SIGINT');
      assert.equal(await exitCode, 0);
      await early.close();

      const items = [...readRecording(io.outLines.join('\n'))];
      for (const item of items) if (item.kind === 'chunk') assert.ok(!item.bytes.includes(SECRET));
      const entries = viewConversation(items, (bytes) => [bytes]);
      const told = entries.filter(({ collection }) => collection === 'people');
      assert.deepEqual(
        told.map(({ command, db, callSite, statements }) => ({ command, db, callSite, statements })),
        [
          { command: 'insert', db: 'shop', callSite: 'early.ts:1', statements: 1 },
          { command: 'find', db: 'shop', callSite: 'late.ts:2', statements: undefined },
        ],
      );
      const answers = entries.filter(({ from }) => from === 'server');
      assert.ok(answers.some(({ documents }) => documents === 1) && answers.some(({ n }) => n === 1));
      assert.ok(entries.every(({ refused }) => refused === undefined));
    });
  });
}
