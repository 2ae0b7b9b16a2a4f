// Which clusters get what for which modes of listeners, and the default caps.
// Invariant tested: all listeners at their caps, with what goes upstream, fit into the descriptor limit.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OVER_LIMIT_HELD } from '../../../src/net/over-limit.ts';
import type { ListenerMode, ListenerOptions, WeirOptions } from '../../../src/options.ts';
import { defaultMaxConnections, listenersOf, passedThrough, pooled } from '../../../src/wiring/plan.ts';

const BIND = { host: '127.0.0.1', port: 0 };
const POOL = { maxConnections: 50, maxConnecting: 2, waitQueueTimeoutMs: 5000, maxWaiters: 10, awaitConnections: 10 };

/** Listeners by `cluster:mode`, or `cluster` for the default mode. */
function optionsOf(clusters: readonly string[], listeners: readonly string[]): WeirOptions {
  return {
    listeners: listeners.map((text): ListenerOptions => {
      const [cluster = '', mode] = text.split(':');
      const listener = { name: text, bind: BIND, cluster, maxConnections: null };
      return mode === undefined ? listener : { ...listener, mode: mode as ListenerMode };
    }),
    clusters: clusters.map((name) => ({ name, seeds: [BIND], replicaSet: null, pool: POOL })),
    limits: [],
    stats: { maxRows: 1, maxCallSites: 1 },
    admin: null,
    drainTimeoutMs: 0,
  };
}

const names = (parts: readonly { readonly name: string }[]): string[] => parts.map(({ name }) => name);

describe('the plan', () => {
  test('a cluster that is only passed through to gets no pool, one that nobody uses does', () => {
    const options = optionsOf(['a', 'b', 'c', 'd'], ['a', 'b:passthrough', 'c:pool', 'c:passthrough']);
    assert.deepEqual(names(pooled(options)), ['a', 'c', 'd']);
    assert.deepEqual(names(passedThrough(options)), ['b', 'c']);
    assert.deepEqual(names(listenersOf('pool', options)), ['a', 'c:pool']);
    assert.deepEqual(names(listenersOf('passthrough', options)), ['b:passthrough', 'c:passthrough']);
  });

  for (const listeners of [['a'], ['a:passthrough'], ['a', 'a:passthrough', 'b:passthrough', 'b:pool']]) {
    test(`${listeners.join(', ')} fit into the descriptors`, () => {
      const options = optionsOf(['a', 'b'], listeners);
      for (const limit of [1024, 1025, 1_048_576]) {
        let used = pooled(options).length * 61;
        for (const { mode = 'pool' } of options.listeners) {
          used += defaultMaxConnections(mode, options, limit) * (mode === 'pool' ? 1 : 2) + OVER_LIMIT_HELD;
        }
        assert.ok(used <= limit - 128 && used > limit - 128 - 3 * listeners.length, `${used} of ${limit}`);
      }
    });
  }

  test('a limit that is too small leaves one connection, an unknown one is taken for 1024', () => {
    const options = optionsOf(['a'], ['a']);
    assert.equal(defaultMaxConnections('pool', options, 64), 1);
    assert.equal(defaultMaxConnections('passthrough', options, 64), 1);
    assert.equal(defaultMaxConnections('pool', options, null), defaultMaxConnections('pool', options, 1024));
  });
});
