// Both modes in one weir in front of one server: each listener does its own, both count into one table, and what cannot
// apply is said. Invariant: the operations of both ways add up.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { startWeir, type Weir } from '../../src/app.ts';
import type { LogFields } from '../../src/core/logger.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { eventually } from './harness/eventually.ts';

const POOL = { maxConnections: 2, maxConnecting: 2, waitQueueTimeoutMs: 5000, maxWaiters: 100, awaitConnections: 1 };
const LIMIT = { name: 'all', match: { callSite: 'Limited.*' }, per: [], ratePerSecond: 0.001, burst: 1 } as const;

let sandbox: Sandbox;
let weir: Weir;
const warnings: [unknown, string][] = [];

before(async () => {
  sandbox = await startSandbox();
  const bind = { host: '127.0.0.1', port: 0 };
  const warn = (fields: LogFields, sentence: string): void => {
    warnings.push([fields['listener'], sentence]);
  };
  weir = await startWeir(
    {
      listeners: [
        { name: 'pooled', bind, cluster: 'one', maxConnections: 50 },
        { name: 'sniffed', bind, cluster: 'one', mode: 'passthrough', maxConnections: 50 },
      ],
      clusters: [{ name: 'one', seeds: [{ host: '127.0.0.1', port: sandbox.port }], replicaSet: null, pool: POOL }],
      limits: [{ ...LIMIT, mode: 'enforce' }],
      stats: { maxRows: 100, maxCallSites: 100 },
      admin: null,
      drainTimeoutMs: 1000,
    },
    { logger: { debug: () => {}, info: () => {}, warn, error: warn } },
  );
});

after(async () => {
  await weir.stop();
  await sandbox.stop();
});

const portOf = (name: string): number => weir.listeners.find((listener) => listener.name === name)?.port ?? 0;

async function ask(name: string, comment: string, times: number): Promise<number> {
  const client = new MongoClient(`mongodb://127.0.0.1:${portOf(name)}/?directConnection=true`, {
    maxAdaptiveRetries: 0,
  });
  let failed = 0;
  try {
    for (let round = 0; round < times; round++) {
      await client
        .db('shop')
        .collection('orders')
        .findOne({}, { comment })
        .catch(() => failed++);
    }
  } finally {
    await client.close();
  }
  return failed;
}

describe('a weir with both modes', { timeout: 60_000 }, () => {
  test('has a pool and a pass-through lane to the same server, and is ready when both are', async () => {
    await eventually('both are up', () => weir.snapshots.summary().upstreamReachable);
    const lanes = weir.snapshots.pools().map(({ lane, state }) => `${lane} ${state}`);
    assert.deepEqual(lanes, ['ordinary up', 'await up', 'monitor up', 'passthrough up']);
  });

  test('counts both ways in one table, each under its listener', async () => {
    await ask('pooled', 'Both.find', 3);
    await ask('sniffed', 'Both.find', 4);
    const counts = [...weir.table.rows()]
      .filter((row) => row.callSite === 'Both.find')
      .map((row) => `${row.listener} ${row.operations}`);
    assert.deepEqual(counts.toSorted(), ['pooled 3', 'sniffed 4']);
  });

  test('limits one listener only, and says so at the start', async () => {
    assert.equal(await ask('pooled', 'Limited.find', 3), 2);
    assert.equal(await ask('sniffed', 'Limited.find', 3), 0);
    assert.deepEqual(warnings, [['sniffed', 'limits do not apply to this listener: its mode is passthrough']]);
  });

  test('tells HTTP on the pool listener what this port is, and the log once', async () => {
    warnings.length = 0;
    for (let round = 0; round < 2; round++) {
      const socket = connect({ host: '127.0.0.1', port: portOf('pooled') });
      let answer = '';
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString();
      });
      socket.write('GET / HTTP/1.1\r\nHost: weir\r\n\r\n');
      await once(socket, 'close');
      assert.match(answer, /^HTTP\/1\.0 200 OK\r\n.*\r\n\r\nThis port is for MongoDB drivers/s);
    }
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]?.[1] ?? '', /HTTP .* admin address/);
    assert.equal(weir.snapshots.counters().downstreamClosed.get('http'), 2);
  });
});
