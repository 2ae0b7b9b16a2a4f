// Looking seeds up again and again, and a cluster that begins with them. DNS is a list of answers.
// Invariant tested: a failed look-up changes nothing, and none is made more often than it may be.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Logger } from '../../../src/core/logger.ts';
import type { SrvAnswer, SrvResolver } from '../../../src/net/srv-resolver.ts';
import { SrvSeeds } from '../../../src/upstream/srv-seeds.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { makeRig, type Rig } from '../../support/rig.ts';

const SRV = { host: 'db.example.com', service: 'mongodb', maxHosts: 0 } as const;

function answerOf(hosts: string, over: Partial<SrvAnswer> = {}): SrvAnswer {
  return { seeds: [...hosts].map((host) => ({ host, port: 27_017 })), authSource: null, replicaSet: null, ...over };
}

/** Gives these in turn, the last one for ever; an Error is a failed look-up. */
class ScriptedResolver implements SrvResolver {
  asked = 0;
  readonly #answers: (SrvAnswer | Error)[];

  constructor(...answers: (SrvAnswer | Error)[]) {
    this.#answers = answers;
  }

  resolve(): Promise<SrvAnswer> {
    this.asked++;
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    if (answer === undefined) throw new Error('a script needs an answer');
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }
}

/** Lets the promises of one look-up settle. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

async function advance(clock: FakeClock, ms: number, steps: number): Promise<void> {
  for (let i = 0; i < steps; i++) {
    clock.advance(ms);
    await settle();
  }
}

interface Bench {
  readonly clock: FakeClock;
  readonly seeds: SrvSeeds;
  readonly answers: string[];
  readonly warnings: string[];
  shouldRescan: boolean;
}

function makeSeeds(resolver: SrvResolver): Bench {
  const clock = new FakeClock();
  const answers: string[] = [];
  const warnings: string[] = [];
  const logger: Logger = {
    debug: () => {},
    info: () => {},
    error: () => {},
    warn: ({ reason }) => void warnings.push(String(reason)),
  };
  const bench: Bench = {
    clock,
    answers,
    warnings,
    shouldRescan: true,
    seeds: new SrvSeeds({
      cluster: 'main',
      srv: SRV,
      resolver,
      clock,
      random: () => 0.5,
      logger,
      shouldRescan: () => bench.shouldRescan,
      onAnswer: ({ seeds }) => void answers.push(seeds.map(({ host }) => host).join('')),
    }),
  };
  return bench;
}

describe('seeds from DNS', () => {
  test('are looked up at once, then every minute while that tells anything', async () => {
    const resolver = new ScriptedResolver(answerOf('ab'), answerOf('bc'));
    const bench = makeSeeds(resolver);
    bench.seeds.start();
    await settle();
    assert.deepEqual(bench.answers, ['ab']);
    await advance(bench.clock, 59_999, 1);
    assert.equal(resolver.asked, 1);
    await advance(bench.clock, 1, 1);
    assert.deepEqual(bench.answers, ['ab', 'bc']);
    bench.shouldRescan = false;
    await advance(bench.clock, 60_000, 5);
    assert.equal(resolver.asked, 2);
    bench.shouldRescan = true;
    await advance(bench.clock, 60_000, 1);
    assert.equal(resolver.asked, 3);
  });

  test('without DNS: tried again with growing pauses, warned of once', async () => {
    const resolver = new ScriptedResolver(...Array<Error>(6).fill(new Error('ESERVFAIL')), answerOf('a'));
    const bench = makeSeeds(resolver);
    bench.seeds.start();
    await settle();
    await advance(bench.clock, 100, 600);
    assert.ok(resolver.asked >= 6 && resolver.asked <= 8, `${resolver.asked} look-ups in a minute`);
    await advance(bench.clock, 1000, 60);
    assert.equal(bench.answers[0], 'a');
    assert.deepEqual(bench.warnings, ['ESERVFAIL']);
  });

  test('a failure later changes nothing', async () => {
    const resolver = new ScriptedResolver(answerOf('a'), new Error('gone'), answerOf('a'));
    const bench = makeSeeds(resolver);
    bench.seeds.start();
    await settle();
    await advance(bench.clock, 60_000, 2);
    assert.deepEqual(bench.answers, ['a', 'a']);
    assert.equal(resolver.asked, 3);
  });

  test('after a stop nothing follows, whatever was under way', async () => {
    const bench = makeSeeds(new ScriptedResolver(answerOf('a')));
    bench.seeds.start();
    bench.seeds.stop();
    await settle();
    assert.deepEqual(bench.answers, []);
    assert.equal(bench.clock.timers, 0);
  });
});

describe('a cluster of looked-up seeds', () => {
  async function started(...answers: (SrvAnswer | Error)[]): Promise<Rig> {
    const rig = makeRig({ seeds: [], cluster: { srv: SRV }, srvResolver: new ScriptedResolver(...answers) });
    for (const host of ['a', 'b', 'c']) {
      rig.server.hosts.set(host, { hello: { msg: 'isdbgrid', setName: undefined } });
    }
    rig.cluster.start();
    await settle();
    rig.clock.advance(0);
    return rig;
  }

  const addresses = (rig: Rig): string[] => rig.cluster.members().map(({ address }) => address.charAt(0));

  test('follows them: mongos come and go', async () => {
    const rig = await started(answerOf('ab'), new Error('away'), answerOf('bc'));
    assert.deepEqual(addresses(rig), ['a', 'b']);
    assert.equal(rig.cluster.isUp, true);
    await advance(rig.clock, 60_000, 1);
    assert.deepEqual(addresses(rig), ['a', 'b'], 'the old ones stay');
    await advance(rig.clock, 60_000, 1);
    assert.deepEqual(addresses(rig), ['b', 'c']);
    assert.equal(rig.server.liveAt('a').length, 0);
  });

  test('begins without DNS', async () => {
    const rig = await started(new Error('no DNS yet'), answerOf('a'));
    const client = rig.connectClient();
    client.send({ find: 'x', $db: 'shop' });
    await advance(rig.clock, 500, 2);
    assert.equal(rig.server.take('find').connection.host, 'a');
  });

  test('the set that the TXT record names is wanted', async () => {
    const rig = await started(answerOf('a', { replicaSet: 'rs0' }));
    assert.equal(rig.cluster.isUp, false);
    assert.deepEqual(addresses(rig), []);
  });
});
