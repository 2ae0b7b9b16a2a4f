// Registers under a network that breaks again and again between weir and a real server: what was acknowledged is there, at
// the version that was told; nothing is there that nobody wrote, nothing twice; nobody reads older than what was known.
// Beside it the same clients straight at the server, over the breakages that a driver can tell from answers.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FaultRelay } from '../support/fault-relay.ts';
import { type FaultRule, FaultScript } from '../support/fault-script.ts';
import { readSamples } from './harness/compare.ts';
import { doublesOf, mistakesOf } from './harness/history.ts';
import { type RegisterRun, runRegisters } from './harness/registers.ts';
import { withOwnServer } from './harness/server.ts';
import { withWeir } from './harness/weir.ts';

const CLIENTS = 8;
const SECONDS = 20;

/** Losses, which every driver must bear: the request or the answer is gone, or the answer is late. */
const LOSSES: readonly FaultRule[] = [
  { way: 'request', every: 41, deed: { do: 'cut', after: 40, ending: 'reset' } },
  { way: 'request', every: 53, deed: { do: 'cut', after: 0, ending: 'close' } },
  { way: 'reply', every: 31, deed: { do: 'cut', after: 0, ending: 'reset' } },
  { way: 'reply', every: 37, deed: { do: 'cut', after: 25, ending: 'close' } },
  { way: 'reply', every: 29, deed: { do: 'delay', ms: 20 } },
  { way: 'reply', every: 23, deed: { do: 'split', bytes: 11 } },
];

/** Lies, which weir must notice; Node's driver would believe them, because it reads no responseTo. */
const LIES: readonly FaultRule[] = [
  { way: 'reply', every: 67, deed: { do: 'misaddress', by: 1 } },
  { way: 'reply', every: 71, deed: { do: 'replace', with: Buffer.from('HTTP/1.1 502 Bad Gateway\r\n\r\n') } },
];

const ofApp = (rules: readonly FaultRule[], app: string): FaultScript =>
  new FaultScript(rules.map((rule) => ({ ...rule, app })));

test('a history of registers, through weir and direct, while connections break', async (context) => {
  await withOwnServer(
    async (server) => {
      const options = { directUri: server.uri, clients: CLIENTS, seconds: SECONDS };
      const relay = new FaultRelay(server.port);
      await relay.start();
      try {
        // Else whoever asks would follow the server's hello past the relay.
        const uri = `mongodb://127.0.0.1:${String(relay.port)}/?directConnection=true`;
        await withWeir(uri, async (weir) => {
          relay.script = ofApp([...LOSSES, ...LIES], 'weir pool');
          const through = await runRegisters({ ...options, uri: weir.uri, database: 'through_history' });
          const struck = relay.script.struck;
          const samples = readSamples(await weir.metrics());
          const mismatches = samples.find(({ name }) => name === 'weir_protocol_mismatches_total')?.value ?? 0;
          context.diagnostic(`through: ${summary(through)}; struck ${struck.join()}; mismatches ${String(mismatches)}`);
          check(through);
          assert.equal(through.poolsCleared, 0, 'weir made a driver clear its pool');
          assert.ok(
            struck.every((count) => count > 0),
            'every breakage took place',
          );
          assert.ok(mismatches > 0, 'weir noticed the lies');
          for (const row of through.errors) assert.equal(row.code, 6, JSON.stringify(row));
        });
        relay.script = ofApp(LOSSES, 'direct_history');
        const direct = await runRegisters({ ...options, uri, database: 'direct_history' });
        context.diagnostic(`direct: ${summary(direct)}; struck ${relay.script.struck.join()}`);
        check(direct);
      } finally {
        await relay.stop();
      }
    },
    ['--sync-on-commit'],
  );
});

describe('the check of a history sees', () => {
  const write = { register: 'r', value: 'a', startMs: 0, endMs: 1, version: 1 };
  const read = { register: 'r', value: 'a', startMs: 2, endMs: 3, version: 1 };
  const stored = { _id: 'r', version: 1, values: ['a'] };
  const later = { ...write, value: 'b', startMs: 4, endMs: 5, version: 2 };
  for (const [what, history, register, mistake] of [
    ['nothing wrong', { writes: [write], reads: [read] }, stored, null],
    ['a lost write', { writes: [write], reads: [] }, { ...stored, version: 0, values: [] }, /is not there/],
    ['a value of nobody', { writes: [], reads: [] }, stored, /written by nobody/],
    ['a read out of thin air', { writes: [write], reads: [{ ...read, value: 'x' }] }, stored, /thin air/],
    [
      'a stale read',
      { writes: [write, later], reads: [{ ...read, startMs: 6, endMs: 7 }] },
      { _id: 'r', version: 2, values: ['a', 'b'] },
      /version 1 after 2/,
    ],
  ] as const) {
    test(what, () => {
      const mistakes = mistakesOf(history, [register]);
      if (mistake === null) assert.deepEqual(mistakes, []);
      else assert.match(mistakes.join(), mistake);
    });
  }
});

function check(run: RegisterRun): void {
  assert.deepEqual(mistakesOf(run, run.stored).slice(0, 10), []);
  assert.ok(run.acknowledged > 0 && run.reads.length > 0);
}

/** Doubles are said, not judged: this server runs a retry that meets its running original, with weir or without. */
function summary({ acknowledged, writes, reads, stored, errors, poolsCleared }: RegisterRun): string {
  const seen = errors.map((row) => `${row.where} ${String(row.code)} [${row.labels.join(' ')}] x ${String(row.count)}`);
  const done = `${String(acknowledged)} of ${String(writes.length)} writes acknowledged, ${String(reads.length)} reads, ${String(doublesOf(stored))} doubled`;
  return `${done}, pools cleared ${String(poolsCleared)}, errors: ${seen.join(', ') || 'none'}`;
}
