// A crowd of change streams on few connections, on a fake clock: who sees an event, and how late.
// Invariants tested: every event is seen by its stream alone; with 60 streams the median delay is at most 0.3 s on ten connections and no
// delay is above 1.5 s; ordinary operations have nothing to do with it; in the end nothing is left over.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openStreams, StreamServer, type Watcher } from '../support/change-streams.ts';
import { type Rig, startRig } from '../support/rig.ts';

const STREAMS = 60;
const STEP_MS = 5;

interface Seen {
  readonly event: number;
  readonly delayMs: number;
}

/** Runs the streams for a while; each step an event for one of them. The clients ask again as soon as they are answered. */
function run(rig: Rig, all: readonly Watcher[], options: { ms: number; everyMs: number; awaitMs?: number }): Seen[] {
  const streams = new StreamServer(rig);
  const extra = options.awaitMs === undefined ? {} : { maxTimeMS: options.awaitMs };
  const asked = new Map(all.map((watcher) => [watcher, 0]));
  const sentMs: number[] = [];
  const seen: Seen[] = [];
  const owners: bigint[] = [];
  const read = (): void => {
    for (const watcher of all) {
      const answers = watcher.answers.length;
      if (answers < (asked.get(watcher) ?? 0)) continue;
      for (const { event } of (answers === 0 ? [] : watcher.batch) as { event: number }[]) {
        assert.equal(owners[event], watcher.id, 'an event reached another stream');
        seen.push({ event, delayMs: rig.clock.nowMs() - (sentMs[event] ?? 0) });
      }
      watcher.ask(extra);
      asked.set(watcher, answers + 1);
    }
  };
  for (let ms = 0; ms < options.ms; ms += STEP_MS) {
    read();
    // The last ones are given the time to arrive.
    if (ms % options.everyMs === 0 && ms < options.ms - 3000) {
      const event = sentMs.push(rig.clock.nowMs()) - 1;
      const id = BigInt(100 + ((event * 37) % all.length));
      owners.push(id);
      streams.emit(id, { event });
    }
    rig.clock.advance(STEP_MS);
  }
  read();
  assert.deepEqual(
    seen.map(({ event }) => event).sort((a, b) => a - b),
    sentMs.map((_, event) => event),
    'every event is seen once',
  );
  return seen;
}

function quantile(seen: readonly Seen[], q: number): number {
  const delays = seen.map(({ delayMs }) => delayMs).sort((a, b) => a - b);
  return delays[Math.min(Math.floor(q * delays.length), delays.length - 1)] ?? Number.NaN;
}

describe(`${STREAMS} change streams`, () => {
  for (const { connections, awaitMs, p50, max } of [
    { connections: 10, p50: 300, max: 1500 },
    { connections: 10, awaitMs: 10_000, p50: 300, max: 1500 },
    { connections: 2, p50: 600, max: 1500 },
  ]) {
    test(`on ${connections} connections, ${awaitMs ?? 'the default'} ms: p50 <= ${p50} ms, max <= ${max} ms`, () => {
      const rig = startRig({ pool: { awaitConnections: connections } });
      const all = openStreams(rig, STREAMS);
      const seen = run(rig, all, { ms: 20_000, everyMs: 50, ...(awaitMs === undefined ? {} : { awaitMs }) });
      const figures = `p50 ${quantile(seen, 0.5)} ms, max ${quantile(seen, 1)} ms of ${seen.length}`;
      assert.ok(quantile(seen, 0.5) <= p50 && quantile(seen, 1) <= max, figures);
      const lane = rig.cluster.snapshot().find((pool) => pool.lane === 'await');
      assert.ok((lane?.busy ?? 99) <= connections);
      for (const watcher of all) watcher.client.close();
      rig.server.respond = () => ({});
      rig.clock.advance(15_000);
      assert.equal(rig.table.totals.active, 0);
      assert.equal(rig.dispatcher.router.cursors.size, 0);
    });
  }

  test('leave the ordinary connections alone', () => {
    const rig = startRig({ pool: { awaitConnections: 2, maxConnections: 1 } });
    const all = openStreams(rig, STREAMS);
    new StreamServer(rig);
    for (const watcher of all) watcher.ask();
    rig.clock.advance(100);
    const shop = rig.app('shop');
    shop.send({ count: 'goods' });
    rig.answer('count', { n: 3 });
    assert.equal(shop.last['n'], 3);
  });
});
