// `weir show` against an HTTP server that answers as told, and the tables on their own.

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { run } from '../../../src/cli/program.ts';
import { renderTable, SHOW_KINDS } from '../../../src/cli/show-tables.ts';
import { recordedIo } from './recorded-io.ts';

const ANSWERS: Readonly<Record<string, string>> = {
  '/api/v1/limits?limit=200': JSON.stringify([
    { name: 'reports', mode: 'enforce', matched: 10, allowed: 7, observed: 0, refused: 3 },
  ]),
  '/api/v1/pools?limit=200': '[]',
  '/api/v1/clients?limit=200': '{"not": "rows"}',
  '/api/v1/callsites?limit=200': '<html>',
};

describe('weir show', () => {
  let server: Server;
  let admin: string;
  let totalCount: string | undefined;

  before(async () => {
    server = createServer((request, response) => {
      const body = ANSWERS[request.url ?? ''];
      if (totalCount !== undefined) response.setHeader('x-total-count', totalCount);
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(body ?? '{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    admin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function show(what: string, ...flags: string[]): Promise<{ code: number; out: string; err: string }> {
    const io = recordedIo();
    const code = await run(['show', what, '--admin', admin, ...flags], io);
    return { code, out: io.outLines.join('\n'), err: io.errLines.join('\n') };
  }

  it('prints a table', async () => {
    const { code, out, err } = await show('limits');
    assert.deepEqual([code, err], [0, '']);
    assert.deepEqual(
      out
        .split('\n')
        .filter((line) => line.includes('│'))
        .map((line) =>
          line
            .split('│')
            .map((cell) => cell.trim())
            .filter(Boolean),
        ),
      [
        ['limit', 'mode', 'matched', 'allowed', 'observed', 'refused'],
        ['reports', 'enforce', '10', '7', '0', '3'],
      ],
    );
  });

  it('prints the JSON', async () => {
    const { code, out } = await show('limits', '--json');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(out), JSON.parse(ANSWERS['/api/v1/limits?limit=200'] ?? ''));
  });

  for (const flags of [[], ['--json']]) {
    it(`says on standard error how many rows are left out, ${flags[0] ?? 'as a table'}`, async () => {
      totalCount = '5001';
      const { code, out, err } = await show('limits', ...flags);
      assert.deepEqual(
        [code, err],
        [0, `weir: 5000 more rows are left out; http://${admin}/api/v1/limits has all of them`],
      );
      for (const count of ['1', '0', 'x', '-5', '']) {
        totalCount = count;
        assert.deepEqual(await show('limits', ...flags), { code, out, err: '' }, count);
      }
      totalCount = undefined;
    });
  }

  it('says so when there are no rows', async () => {
    assert.deepEqual(await show('pools'), { code: 0, out: 'no pools yet', err: '' });
  });

  for (const [what, status] of [
    ['clients', 200],
    ['callsites', 200],
    ['collections', 404],
  ] as const) {
    it(`does not take a stranger's answer for ${what}`, async () => {
      assert.deepEqual(await show(what), {
        code: 2,
        out: '',
        err: `weir: what answers at ${admin} (HTTP ${status}) is not this weir's API; give another address with --admin`,
      });
    });
  }

  it('says which address does not answer', async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(gone.address() as AddressInfo).port}`;
    await new Promise((resolve) => gone.close(resolve));
    const io = recordedIo();
    assert.equal(await run(['show', 'pools', '--admin', address], io), 2);
    assert.deepEqual(io.errLines, [
      `weir: no weir answers at ${address}; start one, or give its admin address with --admin`,
    ]);
  });
});

describe('renderTable', () => {
  it('shows nested numbers rounded, and - for what is missing', () => {
    const table = renderTable('collections', [
      { db: 'shop', collection: 'orders', command: 'find', operations: 2, serverMs: { p50: 1.23456, p99: null } },
    ]);
    const row = table.split('\n').find((line) => line.includes('shop')) ?? '';
    assert.deepEqual(
      row
        .split('│')
        .map((cell) => cell.trim())
        .filter(Boolean),
      ['shop', 'orders', 'find', '2', '-', '-', '-', '-', '1.23', '-', '-', '-'],
    );
  });

  it('lets no control character of the wire reach the terminal, and cuts long texts', () => {
    const nasty = `\u001b[2J\u0007\u009b\u202e\n${'x'.repeat(200)}`;
    for (const kind of SHOW_KINDS) {
      const row = { name: nasty, app: nasty, cluster: nasty, db: nasty, callSite: nasty, listener: nasty };
      const table = renderTable(kind, [row]);
      assert.doesNotMatch(table.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
      assert.ok(!table.includes('x'.repeat(61)));
      assert.equal(table.split('\n').length, 5, kind);
    }
  });
});

describe('the numbers in a table', () => {
  const lines = (kind: 'clients' | 'pools' | 'operations', rows: readonly Record<string, unknown>[]): string[][] =>
    renderTable(kind, rows)
      .split('\n')
      .filter((line) => line.includes('│'))
      .map((line) => line.split('│').slice(1, -1))
      .map((cells) => cells.map((cell) => cell.trim()));

  it('come in units that people read', () => {
    for (const [ms, shown] of [
      [0.04, '0 ms'],
      [1.26, '1.3 ms'],
      [999, '999 ms'],
      [1500, '1.5 s'],
      [61_000, '1 m 1 s'],
      [7_260_000, '2 h 1 m'],
    ] as const) {
      assert.equal(lines('operations', [{ ms }])[1]?.[1], shown);
    }
    for (const [bytesIn, shown] of [
      [999, '999 B'],
      [1000, '1 kB'],
      [12_345_678, '12 MB'],
      [999_999_999, '1 GB'],
    ] as const) {
      assert.ok(lines('clients', [{ bytesIn }])[1]?.includes(shown), shown);
    }
  });

  it('are left out where nobody has any', () => {
    const idle = { id: 1, current: null };
    assert.ok(!lines('clients', [idle])[0]?.includes('call site'));
    assert.ok(lines('clients', [idle, { id: 2, current: { callSite: 'a', ms: 1 } }])[0]?.includes('call site'));
    assert.deepEqual(lines('pools', [{ isPaused: true }])[1]?.[4], 'yes');
  });

  it('and an empty list says what that means', () => {
    assert.equal(renderTable('operations', []), 'no operations in flight');
    assert.equal(renderTable('cursors', []), 'no open cursors');
  });
});
