// One member's lanes by themselves: what they ask of their endpoint, and what a handshake or an answer teaches it.
// Who is chosen is cluster.*.test.ts. Invariant tested: nobody dials a member that does not answer.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeMessage, Int32 } from '../../../codecs/index.ts';
import { CompressionCounts } from '../../../src/core/compression-counts.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { SecretText } from '../../../src/core/secret.ts';
import { TurnFlusher } from '../../../src/net/turn-flusher.ts';
import type { Credential, PoolOptions } from '../../../src/options.ts';
import { Endpoint } from '../../../src/upstream/endpoint.ts';
import { helloOnly } from '../../../src/upstream/handshake.ts';
import { RequestIds } from '../../../src/upstream/request-ids.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeServer } from '../../support/fake-server.ts';
import { Recorder } from './fixture.ts';

interface Bench {
  readonly clock: FakeClock;
  readonly server: FakeServer;
  readonly endpoint: Endpoint;
  readonly recorder: Recorder;
  readonly events: string[];
}

const CREDENTIAL: Credential = {
  mechanism: 'SCRAM-SHA-256',
  username: 'weir',
  password: new SecretText('hunter2'),
  source: 'admin',
};

interface BenchOptions {
  readonly pool?: Partial<PoolOptions>;
  readonly setName?: string | null;
  readonly credential?: Credential | null;
}

function makeEndpoint({ pool = {}, setName = null, credential = null }: BenchOptions = {}): Bench {
  const clock = new FakeClock();
  const server = new FakeServer(clock, new TurnFlusher(clock));
  const events: string[] = [];
  const endpoint = new Endpoint({
    key: 'a:27017',
    address: { host: 'a', port: 27_017 },
    options: {
      name: 'main',
      seeds: [],
      replicaSet: setName,
      credential,
      pool: {
        maxConnections: 2,
        awaitConnections: 1,
        maxConnecting: 2,
        maxWaiters: 10,
        waitQueueTimeoutMs: 5000,
        ...pool,
      },
    },
    host: {
      setName,
      makeHandshake: () => helloOnly((id) => encodeMessage({ hello: new Int32(1), $db: 'admin' }, id, 0)),
      openTransactions: () => 0,
      onProcessChanged: () => void events.push('process'),
      onEndpointTrouble: () => void events.push('trouble'),
      onDecodeError: () => void events.push('decode'),
    },
    connector: server,
    ids: new RequestIds(),
    clock,
    random: () => 0.5,
    logger: silentLogger,
    compressionCounts: new CompressionCounts(),
  });
  return { clock, server, endpoint, recorder: new Recorder(clock), events };
}

function usable(options?: BenchOptions): Bench {
  const bench = makeEndpoint(options);
  bench.endpoint.isReachable = true;
  bench.endpoint.isUsable = true;
  return bench;
}

describe('an endpoint', () => {
  test('notes itself on what it is given, and serves both lanes', () => {
    const { clock, server, endpoint, recorder } = usable();
    const exchanges = [recorder.exchange('one'), recorder.exchange('two')] as const;
    endpoint.submit('ordinary', exchanges[0]);
    endpoint.submit('await', exchanges[1]);
    clock.advance(0);
    assert.deepEqual(
      exchanges.map((exchange) => exchange.endpoint),
      ['a:27017', 'a:27017'],
    );
    assert.equal(server.live.length, 2);
    for (const request of server.open('find')) request.reply({});
    assert.deepEqual(recorder.ends.toSorted(), ['one reply', 'two reply']);
    assert.equal(endpoint.established, 2);
  });

  test('one that came from elsewhere has waited since it was submitted', () => {
    const { clock, server, endpoint, recorder } = usable();
    endpoint.submit('ordinary', recorder.exchange('first'));
    clock.advance(0);
    server.take('find').reply({});
    const late = recorder.exchange('late');
    clock.advance(700);
    endpoint.submit('ordinary', late, clock.nowMs());
    assert.equal(late.sentMs - late.submittedMs, 700);
  });

  test('its load is what runs and what waits', () => {
    const { clock, endpoint, recorder } = usable();
    for (const name of ['a', 'b', 'c', 'd', 'e']) endpoint.submit('ordinary', recorder.exchange(name));
    clock.advance(0);
    assert.equal(endpoint.load, 5);
  });

  test('while it does not answer nobody dials it; its waiters end as unreachable', () => {
    const { clock, server, endpoint, recorder } = makeEndpoint();
    endpoint.submit('ordinary', recorder.exchange('x', { pin: 'a:27017' }));
    clock.advance(5000);
    assert.deepEqual(server.dialled, []);
    assert.deepEqual(recorder.ends, ['x unreachable']);
  });

  test('those who are pinned stay when the others are taken away', () => {
    const { endpoint, recorder } = makeEndpoint();
    const [pinned, free] = [recorder.exchange('pinned', { pin: 'a:27017' }), recorder.exchange('free')];
    endpoint.submit('ordinary', pinned);
    endpoint.submit('ordinary', free);
    assert.deepEqual(endpoint.evict('ordinary'), [free]);
    assert.equal(pinned.state, 'waiting');
  });

  test('keeps its minimum only while new work goes there', () => {
    const { clock, server, endpoint } = usable({ pool: { minConnections: 2 } });
    endpoint.pump();
    clock.advance(10);
    assert.equal(server.live.length, 2);
    endpoint.isUsable = false;
    endpoint.clear('endpoint_changed');
    clock.advance(10_000);
    assert.equal(server.live.length, 0);
  });

  test('with a login keeps one connection at least, whatever its minimum, and none in the await lane', () => {
    const rows = [
      [0, CREDENTIAL, 1],
      [2, CREDENTIAL, 2],
      [0, null, 0],
    ] as const;
    for (const [minConnections, credential, expected] of rows) {
      const { clock, server, endpoint } = usable({ pool: { minConnections, maxIdleTimeMs: 1000 }, credential });
      endpoint.pump();
      clock.advance(10);
      assert.equal(server.live.length, expected);
      clock.advance(20_000);
      assert.equal(server.live.length, expected, 'idleness does not end it');
    }
  });
});

describe('a handshake', () => {
  const REFUSED: readonly (readonly [what: string, hello: Record<string, unknown>])[] = [
    ['takes no writes any more', { isWritablePrimary: false, secondary: true }],
    ['is of another set', { setName: 'other' }],
  ];
  for (const [what, hello] of REFUSED) {
    test(`with a server that ${what}: refused, and worth a look`, () => {
      const { clock, server, endpoint, recorder, events } = usable({ setName: 'rs0' });
      server.hello = hello;
      endpoint.submit('ordinary', recorder.exchange('x'));
      clock.advance(0);
      assert.equal(endpoint.established, 0);
      assert.equal(endpoint.closedFor('handshake_failed'), 1);
      assert.ok(events.includes('trouble'));
    });
  }

  test('with a member that is used for its cursors only: it need not take writes', () => {
    const { clock, server, endpoint, recorder } = usable({ setName: 'rs0' });
    endpoint.isUsable = false;
    server.hello = { isWritablePrimary: false, secondary: true };
    endpoint.submit('ordinary', recorder.exchange('x', { pin: 'a:27017' }));
    clock.advance(0);
    server.take('find').reply({});
    assert.deepEqual(recorder.ends, ['x reply']);
  });

  test('with another process: the connections to the old one are dead, and it is told', () => {
    const { clock, server, endpoint, recorder, events } = usable();
    endpoint.submit('ordinary', recorder.exchange('old'));
    clock.advance(0);
    server.processId = '64b64c2f1f1f1f1f1f1f1f02';
    endpoint.submit('ordinary', recorder.exchange('new'));
    clock.advance(0);
    assert.deepEqual(recorder.ends, ['old lost']);
    assert.equal(events.filter((event) => event === 'process').length, 1);
    server.take('find').reply({});
    assert.deepEqual(recorder.ends, ['old lost', 'new reply']);
  });
});
