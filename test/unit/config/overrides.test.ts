// Flags over a config: what they change, what they leave, what they refuse.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Config } from '../../../src/config/config.ts';
import { defaultConfig, loadConfig } from '../../../src/config/load.ts';
import { applyOverrides as applyWithFiles, type Overrides } from '../../../src/config/overrides.ts';

const applyOverrides = (config: Config, overrides: Overrides): ReturnType<typeof applyWithFiles> =>
  applyWithFiles(config, overrides, () => '');

describe('applyOverrides', () => {
  it('changes nothing without flags', () => {
    assert.deepEqual(applyOverrides(defaultConfig(), {}), { ok: true, value: defaultConfig() });
  });

  it('changes the first listener and cluster only', () => {
    const two = loadConfig({
      text: 'listeners: [{name: a, bind: "h:1", cluster: a}, {name: b, bind: "h:2", cluster: b}]\nclusters: [{name: a, uri: mongodb://a, pool: {maxWaiters: 3}}, {name: b, uri: mongodb://b}]',
      env: {},
      readFile: () => '',
    });
    assert.ok(two.ok);
    const result = applyOverrides(two.config, {
      listen: '[::1]:5',
      upstream: 'mongodb://c/?replicaSet=r',
      admin: 'off',
      mode: 'passthrough',
      logLevel: 'debug',
    });
    assert.ok(result.ok);
    const { listeners, clusters, admin, log } = result.value;
    assert.deepEqual(
      listeners.map((listener) => listener.bind),
      [
        { host: '::1', port: 5 },
        { host: 'h', port: 2 },
      ],
    );
    assert.deepEqual(
      listeners.map((listener) => listener.mode),
      ['passthrough', 'pool'],
    );
    assert.deepEqual(
      clusters.map((cluster) => [
        cluster.uri.seeds[0]?.host,
        cluster.uri.replicaSet,
        cluster.pool.maxConnections,
        cluster.pool.maxWaiters,
      ]),
      [
        ['c', 'r', 50, 3],
        ['b', null, 50, 10_000],
      ],
    );
    assert.deepEqual([admin.bind, log.level], [null, 'debug']);
  });

  const wrong: readonly (readonly [Overrides, string, boolean])[] = [
    [{ listen: '1' }, '--listen: expected host:port such as 127.0.0.1:27018 or [::1]:27018, found "1"', false],
    [{ listen: 'off' }, '--listen: expected host:port such as 127.0.0.1:27018 or [::1]:27018, found "off"', false],
    [
      { upstream: 'mongodb://u:hunter2@a/?authMechanism=PLAIN' },
      '--upstream: refused: authMechanism=PLAIN is not built yet',
      true,
    ],
    [
      { upstream: 'mongodb://a/?tls=true&tlsCAFile=empty.pem' },
      '--upstream: the CA file holds no certificate in PEM form',
      false,
    ],
    [
      { upstream: 'mongodb://u:hunter2@a', mode: 'passthrough' },
      'with these flags, mode passthrough passes the logins and TLS of clients by itself; leave them out, or give this listener a cluster of its own',
      false,
    ],
    [{ maxUpstream: '0' }, '--max-upstream: expected a whole number from 1 to 10000, found "0"', false],
    [{ maxUpstream: '8x' }, '--max-upstream: expected a whole number from 1 to 10000, found "8x"', false],
    [{ admin: 'no' }, '--admin: expected host:port such as 127.0.0.1:27018 or [::1]:27018, found "no"', false],
    [{ mode: 'fast' }, '--mode: expected pool or passthrough, found "fast"', false],
    [
      { mode: 'passthrough', maxUpstream: '8' },
      '--max-upstream: mode passthrough opens one connection per client connection; leave it out',
      false,
    ],
    [
      { mode: 'passthrough', upstream: 'mongodb://a,b' },
      'with these flags, mode passthrough goes to one host, and cluster main has 2; give each member a cluster and a listener of its own',
      false,
    ],
    [{ logLevel: 'loud' }, '--log-level: expected one of debug, info, warn, error, silent, found "loud"', false],
    [
      { listen: '127.0.0.1:9118' },
      'with these flags, admin and listener main have the same address 127.0.0.1:9118',
      false,
    ],
  ];
  for (const [overrides, sentence, refusal] of wrong) {
    it(`explains ${JSON.stringify(overrides).replace('hunter2', '***')}`, () => {
      assert.deepEqual(applyOverrides(defaultConfig(), overrides), { ok: false, sentence, refusal });
    });
  }
});
