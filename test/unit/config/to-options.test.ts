// From config to options: every key of the full fixture arrives, units and namespaces included.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { defaultConfig, loadConfig } from '../../../src/config/load.ts';
import { toOptions } from '../../../src/config/to-options.ts';
import { SecretText } from '../../../src/core/secret.ts';
import type { WeirOptions } from '../../../src/options.ts';

function optionsOf(text: string): WeirOptions {
  const result = loadConfig({ text, env: {}, readFile: () => '' });
  assert.ok(result.ok, JSON.stringify(result));
  return toOptions(result.config);
}

describe('toOptions', () => {
  it('maps every key of a full file', () => {
    const file = new URL('../../../fixtures/config/valid/every-key.yaml', import.meta.url);
    assert.deepEqual(optionsOf(readFileSync(file, 'utf8')), {
      listeners: [
        {
          name: 'main',
          bind: { host: '127.0.0.1', port: 27018 },
          cluster: 'orders',
          mode: 'pool',
          face: 'direct',
          allow: ['killSessions', 'killAllSessions'],
          maxConnections: 20_000,
          compressors: ['zlib', 'snappy'],
          idleTimeoutMs: null,
          slowClientTimeoutMs: 20_000,
        },
        {
          name: 'reports',
          bind: { host: '::1', port: 27019 },
          cluster: 'archive',
          mode: 'passthrough',
          face: 'mongos',
          allow: [],
          maxConnections: null,
          idleTimeoutMs: 1_800_000,
        },
      ],
      clusters: [
        {
          name: 'orders',
          seeds: [
            { host: 'db1', port: 27017 },
            { host: 'db2', port: 27117 },
            { host: 'db3', port: 27017 },
          ],
          replicaSet: 'rs0',
          credential: {
            mechanism: 'SCRAM-SHA-256',
            username: 'weir',
            password: new SecretText('swordfish'),
            source: 'users',
          },
          tls: {
            ca: null,
            certificateKey: null,
            certificateKeyPassword: null,
            allowInvalidHostnames: true,
            allowInvalidCertificates: false,
          },
          compressors: ['zstd', 'snappy'],
          pool: {
            maxConnections: 50,
            maxConnecting: 2,
            waitQueueTimeoutMs: 5000,
            maxWaiters: 10_000,
            awaitConnections: 10,
            minConnections: 2,
            maxIdleTimeMs: 0,
            maxLifetimeMs: 7_200_000,
            pipelining: 'off',
            weights: { checkout: 5 },
            replyBufferBytes: 524_288,
            onClientGone: 'cancel',
          },
        },
        {
          name: 'archive',
          seeds: [{ host: '::1', port: 27017 }],
          replicaSet: null,
          directConnection: true,
          connectTimeoutMs: 2500,
          pool: {
            maxConnections: 8,
            maxConnecting: 2,
            waitQueueTimeoutMs: 250,
            maxWaiters: 10_000,
            awaitConnections: 10,
            minConnections: 0,
            maxIdleTimeMs: 600_000,
            maxLifetimeMs: 3_600_000,
            pipelining: 'adaptive',
            weights: {},
            replyBufferBytes: 1_048_576,
            onClientGone: 'finish',
          },
        },
      ],
      limits: [
        {
          name: 'reports',
          match: { callSite: 'reports.*', database: 'shop', collection: 'orders' },
          per: ['app', 'callSite'],
          ratePerSecond: 50,
          burst: 100,
          mode: 'observe',
        },
        {
          name: 'writes',
          match: { app: 'importer', database: 'shop', collection: 'orders.archive', command: 'insert' },
          per: [],
          ratePerSecond: 50,
          burst: 50,
          mode: 'enforce',
        },
        { name: 'everything', match: {}, per: [], ratePerSecond: 1.5, burst: 2, mode: 'enforce' },
      ],
      stats: { maxRows: 2000, maxCallSites: 500 },
      admin: null,
      bufferBytes: 1_073_741_824,
      drainTimeoutMs: 30_000,
    });
  });

  it('gives the only cluster to a listener that names none', () => {
    const options = optionsOf('listeners: [{name: a}]\nclusters: [{name: shop, uri: mongodb://x}]');
    assert.equal(options.listeners[0]?.cluster, 'shop');
    assert.equal(toOptions(defaultConfig()).listeners[0]?.cluster, 'main');
  });

  const namespaces: readonly (readonly [string, object])[] = [
    ['{collection: orders}', { collection: 'orders' }],
    ['{collection: shop.orders}', { database: 'shop', collection: 'orders' }],
    ['{collection: shop.orders.old}', { database: 'shop', collection: 'orders.old' }],
    ['{db: shop, collection: orders.old}', { database: 'shop', collection: 'orders.old' }],
    ['{db: shop}', { database: 'shop' }],
    ['{}', {}],
  ];
  for (const [match, expected] of namespaces) {
    it(`reads match ${match}`, () => {
      assert.deepEqual(optionsOf(`limits: [{name: a, rate: 1/s, match: ${match}}]`).limits[0]?.match, expected);
    });
  }

  it('makes burst at least 1 and drops repeated dimensions', () => {
    const [limit] = optionsOf('limits: [{name: a, rate: 6/h, per: [app, app]}]').limits;
    assert.deepEqual([limit?.burst, limit?.per], [1, ['app']]);
  });
});
