// The Node driver program: runs one scenario with N separate MongoClients and prints one JSON document on stdout.
// It knows nothing of weir: the same program runs direct and through it, so that both runs can be compared.
// Invariant: stdout carries exactly one JSON document of the shape in ../../report.ts; everything else goes to stderr.
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { MongoClient } from 'mongodb';
import type { ProgramReport } from '../../report.ts';
import { ErrorLedger } from './error-ledger.ts';
import { runLoad } from './load.ts';
import { runOwners } from './owners.ts';
import { runRush } from './rush.ts';
import { runScript } from './script.ts';
import { SentLedger } from './sent-ledger.ts';
import { runStreams } from './streams.ts';

const { values } = parseArgs({
  options: {
    uri: { type: 'string' },
    app: { type: 'string' },
    db: { type: 'string' },
    scenario: { type: 'string', default: 'script' },
    clients: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '5' },
    'pause-ms': { type: 'string', default: '0' },
    ops: { type: 'string', default: 'insert' },
    'call-site': { type: 'string', default: 'node.load' },
  },
});

const { uri, app, db: database } = values;
if (uri === undefined || app === undefined || database === undefined) {
  process.stderr.write(
    'usage: program.ts --uri URI --app NAME --db NAME [--scenario script|owners|load|rush|streams] …\n',
  );
  process.exit(1);
}

const sent = new SentLedger();
const errors = new ErrorLedger();
const scenario = values.scenario;
const clients = Array.from({ length: Number(values.clients) }, () => {
  const client = new MongoClient(uri, {
    appName: app,
    monitorCommands: true,
    maxPoolSize: 10,
    ...(scenario === 'owners' ? { maxIdleTimeMS: 20 } : {}),
  });
  sent.watch(client);
  return client;
});

async function run(): Promise<Partial<ProgramReport>> {
  const databases = clients.map((client) => client.db(database));
  if (scenario === 'script') return runScript(databases, errors);
  if (scenario === 'owners') return runOwners(databases);
  if (scenario === 'rush') return runRush(databases, errors, { seconds: Number(values.seconds) });
  if (scenario === 'streams') return runStreams(databases, errors, { pauseMs: Number(values['pause-ms']) });
  return runLoad(databases, errors, {
    app: String(app),
    seconds: Number(values.seconds),
    pauseMs: Number(values['pause-ms']),
    operations: values.ops.split(','),
    callSite: values['call-site'],
  });
}

const outcome = await run();
await Promise.all(clients.map(async (client) => client.close()));
const report: ProgramReport = {
  driver: 'node',
  version: String((createRequire(import.meta.url)('mongodb/package.json') as { version: string }).version),
  scenario,
  clients: clients.length,
  results: outcome.results ?? [],
  digest: outcome.digest ?? '',
  deviations: outcome.deviations ?? [],
  acknowledged: outcome.acknowledged ?? [],
  latencies: outcome.latencies ?? [],
  acknowledgedInLastThreeSeconds: outcome.acknowledgedInLastThreeSeconds ?? 0,
  sent: sent.rows(),
  poolCleared: sent.poolCleared,
  errors: errors.rows(),
};
process.stdout.write(`${JSON.stringify(report)}\n`);
