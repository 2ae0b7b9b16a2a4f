// Each face with the drivers that want it: default, directConnection=true, loadBalanced=true; PyMongo and Go refuse a hello
// that is not right for the last one. The script has cursors of several batches, transactions and a change stream.
// Invariant: results are those of the direct run, no driver's pool is cleared, and nothing stays open.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MongoClient } from 'mongodb';
import { compareRows, readSamples } from './harness/compare.ts';
import { LANGUAGES, Program, reportsOf } from './harness/programs.ts';
import { withServer } from './harness/server.ts';
import { type Weir, withWeir } from './harness/weir.ts';
import type { ProgramReport } from './report.ts';

const CLIENTS = 2;
const WISHES = ['', 'directConnection=true', 'loadBalanced=true'] as const;
const FACES = ['mongos', 'direct'] as const;

async function runAll(uri: string, prefix: string): Promise<readonly ProgramReport[]> {
  return reportsOf(
    LANGUAGES.map(
      (language) => new Program(language, { uri, app: `${prefix}-${language}`, scenario: 'script', clients: CLIENTS }),
    ),
  );
}

/** Cursors and transactions that weir still knows of. */
async function leftOpen(weir: Weir): Promise<readonly number[]> {
  const samples = readSamples(await weir.metrics());
  return ['weir_open_cursors', 'weir_open_transactions'].map((name) => {
    const found = samples.filter((sample) => sample.name === name);
    assert.ok(found.length > 0, `no ${name}`);
    return found.reduce((sum, { value }) => sum + value, 0);
  });
}

function withOptions(uri: string, ...options: readonly string[]): string {
  return `${uri}/?${options.filter((option) => option !== '').join('&')}`;
}

for (const face of FACES) {
  test(`face ${face}: three drivers, however they connect, get the direct run's results`, async () => {
    await withServer(async ({ uri }) => {
      const direct = await runAll(uri, 'direct');
      await withWeir(
        uri,
        async (weir) => {
          for (const [at, wish] of WISHES.entries()) {
            const prefix = `through-${String(at)}`;
            const reports = await runAll(withOptions(weir.uri, wish), prefix);
            for (const [index, report] of reports.entries()) {
              const what = `${report.driver} ${wish}`;
              assert.deepEqual(report.results, direct[index]?.results, what);
              assert.deepEqual([report.deviations, report.errors], [[], []], what);
              assert.equal(report.poolCleared, 0, what);
              const app = `${prefix}-${report.driver}`;
              assert.deepEqual(compareRows(report, app, await weir.callSites()), [], `${what}: /api/v1/callsites`);
            }
            await weir.quiet();
            assert.deepEqual(await leftOpen(weir), [0, 0], wish);
          }
        },
        { face },
      );
    });
  });
}

/** What Node's driver makes of weir, and whether it would retry a write. */
async function look(uri: string): Promise<{ topology: string; retriesWrites: boolean }> {
  const client = new MongoClient(uri, { monitorCommands: true, retryWrites: true, serverSelectionTimeoutMS: 5000 });
  let topology = '';
  let retriesWrites = false;
  client.on('topologyDescriptionChanged', ({ newDescription }) => {
    topology = newDescription.type;
  });
  client.on('commandStarted', ({ command, commandName }) => {
    if (commandName === 'insert') retriesWrites = 'txnNumber' in command;
  });
  try {
    await client.db('through_look').collection('seen').insertOne({});
    return { topology, retriesWrites };
  } finally {
    await client.close();
  }
}

const SEEN = {
  mongos: {
    '': { topology: 'Sharded', retriesWrites: true },
    'directConnection=true': { topology: 'Single', retriesWrites: true },
    'loadBalanced=true': { topology: 'LoadBalanced', retriesWrites: true },
  },
  direct: {
    '': { topology: 'Single', retriesWrites: false },
    'directConnection=true': { topology: 'Single', retriesWrites: false },
    'loadBalanced=true': { topology: 'LoadBalanced', retriesWrites: true },
  },
} as const;

for (const face of FACES) {
  test(`face ${face}: what Node's driver takes weir for`, async () => {
    await withServer(async ({ uri }) => {
      await withWeir(
        uri,
        async (weir) => {
          for (const wish of WISHES) assert.deepEqual(await look(withOptions(weir.uri, wish)), SEEN[face][wish], wish);
        },
        { face },
      );
    });
  });
}
