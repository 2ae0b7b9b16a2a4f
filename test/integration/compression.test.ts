// A real driver with compression on through two weirs, the first of which asks the second for compression too, in front
// of the sandbox: results are those of the direct run, and both hops really were compressed.
// Invariant: weir's own server sees plain bytes only; no driver loses its pool.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Document, MongoClient, type MongoClientOptions, MongoServerError } from 'mongodb';
import type { Compressor } from '../../src/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { eventually } from './harness/eventually.ts';
import { House } from './harness/house.ts';

/** Documents of these sizes: small, around the border of the event loop, and larger than one read of a socket. */
const SIZES = [10, 1000, 15_000, 17_000, 70_000, 1_500_000];
const textOf = (size: number): string => 'every byte understood '.repeat(size / 22 + 1).slice(0, size);

let sandbox: Sandbox;
/** What the script sees without weir. */
let direct: readonly Document[];

before(async () => {
  sandbox = await startSandbox();
  direct = await runScript(`mongodb://127.0.0.1:${sandbox.port}/?directConnection=true`, 'direct', {});
});

after(async () => {
  await sandbox.stop();
});

/** What a program sees; no ids or times in it. */
async function runScript(uri: string, database: string, options: MongoClientOptions): Promise<Document[]> {
  const client = new MongoClient(uri, { heartbeatFrequencyMS: 500, ...options });
  let beats = 0;
  let clears = 0;
  client.on('serverHeartbeatSucceeded', () => beats++);
  client.on('connectionPoolCleared', () => clears++);
  const seen: Document[] = [];
  try {
    const orders = client.db(database).collection<{ _id: number; text: string; n?: number }>('orders');
    seen.push(await orders.insertMany(SIZES.map((size, _id) => ({ _id, text: textOf(size) }))));
    seen.push(await orders.find({}, { sort: { _id: 1 }, batchSize: 2 }).toArray());
    // Many at once on few connections.
    seen.push(await Promise.all(SIZES.map(async (_, _id) => await orders.findOne({ _id }))));
    seen.push(await orders.updateMany({ _id: { $lt: 3 } }, { $set: { n: 1 } }));
    await orders.insertOne({ _id: 100, text: textOf(20_000) }, { writeConcern: { w: 0 } });
    await eventually('the unacknowledged insert', async () => (await orders.countDocuments({ _id: 100 })) === 1);
    seen.push(await orders.aggregate([{ $group: { _id: '$n', count: { $sum: 1 } } }, { $sort: { _id: 1 } }]).toArray());
    seen.push(
      await orders.bulkWrite([
        { deleteOne: { filter: { _id: 0 } } },
        { insertOne: { document: { _id: 7, text: '' } } },
      ]),
    );
    const refusal = await orders.insertOne({ _id: 7, text: textOf(20_000) }).catch((error: unknown) => error);
    assert.ok(refusal instanceof MongoServerError);
    seen.push({ code: refusal.code });
    const before = beats;
    await eventually('two more heartbeats', () => beats >= before + 2);
    seen.push({ clears });
    await client.db(database).dropDatabase();
    return seen;
  } finally {
    await client.close();
  }
}

const plain = (seen: readonly Document[]): unknown => JSON.parse(JSON.stringify(seen));

const RUNS: readonly (readonly [Compressor, Compressor])[] = [
  ['zlib', 'zstd'],
  ['snappy', 'snappy'],
  ['snappy', 'zlib'],
];

describe('the driver with compression', () => {
  for (const [clientSide, between] of RUNS) {
    test(`${clientSide} to weir, ${between} to the next`, async () => {
      const inner = await House.start({ upstreamPort: sandbox.port });
      const outer = await House.start({ upstreamPort: inner.port, upstreamCompressors: [between] });
      try {
        const seen = await runScript(outer.uri, `through_${clientSide}_${between}`, { compressors: [clientSide] });
        assert.deepEqual(plain(seen), plain(direct));

        const metrics = await outer.metrics();
        const count = (side: string, compressor: string, direction: string): number =>
          metrics.sum('weir_compressed_messages_total', { side, compressor, direction });
        assert.ok(count('downstream', clientSide, 'received') > 15);
        assert.ok(count('downstream', clientSide, 'sent') > 15);
        assert.ok(count('upstream', between, 'sent') > 15);
        // The unacknowledged insert and the driver's endSessions get no reply.
        assert.equal(count('upstream', between, 'received'), count('upstream', between, 'sent') - 2);
        const bytes = (form: string): number =>
          metrics.sum('weir_compression_bytes_total', { side: 'downstream', form });
        assert.ok(bytes('wire') < bytes('plain') / 3, `${bytes('wire')} of ${bytes('plain')}`);
        // The table counts what the wire carried.
        const rows = await outer.collections();
        const requestBytes = rows.reduce((sum, row) => sum + row.requestBytes, 0);
        assert.ok(requestBytes < 1_000_000, `${requestBytes} bytes of requests`);
        for (const house of [outer, inner]) assert.equal((await house.metrics()).sum('weir_decode_errors_total'), 0);
      } finally {
        await outer.stop();
        await inner.stop();
      }
    });
  }

  test('a listener that offers nothing is spoken to plainly', async () => {
    const house = await House.start({ upstreamPort: sandbox.port, compressors: [] });
    try {
      const client = new MongoClient(house.uri, { compressors: ['zlib'] });
      assert.equal((await client.db('shop').command({ ping: 1 }))['ok'], 1);
      await client.close();
      assert.equal((await house.metrics()).sum('weir_compressed_messages_total'), 0);
    } finally {
      await house.stop();
    }
  });
});
