// Rates from counts, and the view of a table that a test filled.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RateMeter, readView, type ViewFrame } from '../../../src/demo/view.ts';
import { OperationTable } from '../../../src/stats/operation-table.ts';
import { fakeSnapshots, idleSummary } from '../stats/fake-snapshots.ts';
import { runOperation } from '../stats/results.ts';

const FRAME: ViewFrame = { elapsedSeconds: 4, totalSeconds: 10, serverName: 'sandbox', isSandbox: true, addresses: [] };

describe('RateMeter', () => {
  it('knows nothing from one sample', () => {
    assert.deepEqual([...new RateMeter().sample(0, new Map([['a', 50]]))], [['a', 0]]);
  });

  it('is the mean of the last two seconds, and counts new keys from 0', () => {
    const meter = new RateMeter();
    meter.sample(0, new Map([['a', 0]]));
    for (const [atMs, count] of [
      [500, 1000],
      [1000, 1000],
      [1500, 1000],
      [2000, 1000],
    ] as const) {
      meter.sample(atMs, new Map([['a', count]]));
    }
    const rates = meter.sample(
      2500,
      new Map([
        ['a', 1020],
        ['b', 4],
      ]),
    );
    assert.deepEqual(
      [...rates],
      [
        ['a', 10],
        ['b', 2],
      ],
    );
  });

  it('has no rate within no time', () => {
    const meter = new RateMeter();
    meter.sample(5, new Map([['a', 1]]));
    assert.equal(meter.sample(5, new Map([['a', 9]])).get('a'), 0);
  });
});

describe('readView', () => {
  const table = new OperationTable({ maxRows: 10 });
  const cart = table.row('main', 'shop', 'Cart.show', 'shop', 'carts', 'find');
  runOperation(cart, { documentsReturned: 3, serverMs: 2 });
  runOperation(cart, { documentsReturned: 5, serverMs: 2 });
  const report = table.row('main', 'job', 'Reports.a', 'shop', 'carts', 'find');
  for (let index = 0; index < 5; index++) {
    runOperation(report, { outcome: 'refused', errorCode: 462, documentsReturned: 0, serverMs: -1 });
  }
  runOperation(report, { outcome: 'command_error', errorCode: 50, documentsReturned: 0 });
  runOperation(table.row('main', 'shop', '-', 'admin', '', 'ismaster'));
  const client = {
    id: 1,
    listener: 'l',
    address: 'x',
    driver: '',
    connectedSeconds: 1,
    operations: 0,
    state: 'ready',
    bytesIn: 0,
    bytesOut: 0,
    current: null,
  };
  const snapshots = fakeSnapshots({
    summary: () => ({ ...idleSummary, operations: 9, errors: 6, refused: 5, downstreamConnections: 3 }),
    clients: () => [
      { ...client, app: 'shop' },
      { ...client, app: '' },
      { ...client, app: 'shop' },
    ],
    pools: () =>
      (['ordinary', 'await', 'monitor'] as const).map((lane) => ({
        cluster: 'c',
        endpoint: 'e',
        lane,
        state: 'up',
        maxConnections: 8,
        idle: 2,
        busy: 1,
        connecting: 5,
        waiters: 0,
        longestWaitMs: 0,
        checkouts: 0,
        waits: null,
        connects: 0,
        closed: {},
        awaiting: 0,
        isPaused: false,
      })),
  });
  const read = (isFinal: boolean): ReturnType<typeof readView> =>
    readView({ snapshots, table }, FRAME, { meter: new RateMeter(), nowMs: 0, isFinal });

  it('tells errors and refusals apart, and leaves out handshakes', () => {
    const view = read(true);
    assert.deepEqual(
      view.callSites.map(({ callSite, calls, errors, refused }) => [callSite, calls, errors, refused]),
      [
        ['Reports.a', 6, 1, 5],
        ['Cart.show', 2, 0, 0],
      ],
    );
    assert.deepEqual(
      view.collections.map(({ namespace, calls, errors, refused }) => [namespace, calls, errors, refused]),
      [['shop.carts', 8, 1, 5]],
    );
    assert.deepEqual([view.operations, view.errors, view.refused], [9, 1, 5]);
  });

  it('counts documents per call that went well', () => {
    assert.deepEqual(
      read(true).callSites.map(({ documentsPerCall }) => documentsPerCall),
      [0, 4],
    );
  });

  it('sums client connections by application, and leaves the monitor out of the pool', () => {
    const view = read(false);
    assert.deepEqual(view.applications, [
      { name: 'shop', connections: 2 },
      { name: 'unnamed', connections: 1 },
    ]);
    assert.deepEqual([view.connectionsIn, view.connectionsOut], [3, 6]);
  });

  it('takes final rates over the whole run', () => {
    const view = read(true);
    assert.equal(view.operationsPerSecond, 9 / 4);
    assert.equal(view.callSites[0]?.callsPerSecond, 6 / 4);
    assert.equal(read(false).operationsPerSecond, 0);
  });
});
