// Guards the admin server over a real socket: addresses, shapes, refusals, start and stop.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type AdminOptions, type AdminServer, startAdmin } from '../../../src/admin/server.ts';
import { type LogFields, silentLogger } from '../../../src/core/logger.ts';
import { OperationTable } from '../../../src/stats/operation-table.ts';
import { fakeSnapshots, idleSummary } from '../stats/fake-snapshots.ts';
import { runOperation } from '../stats/results.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function ask(server: AdminServer, path: string, { method = 'GET', headers = {} }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: server.host, port: server.port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function askJson(server: AdminServer, path: string): Promise<unknown> {
  const { status, headers, text } = await ask(server, path);
  assert.equal(status, 200, text);
  assert.equal(headers['content-type'], 'application/json; charset=utf-8');
  return JSON.parse(text);
}

async function askRows(server: AdminServer, path: string): Promise<readonly Record<string, unknown>[]> {
  const rows = await askJson(server, path);
  assert.ok(Array.isArray(rows));
  return rows as readonly Record<string, unknown>[];
}

function errorOf(answer: Answer): unknown {
  return (JSON.parse(answer.text) as Record<string, unknown>)['error'];
}

function makeOptions(parts: Partial<AdminOptions> = {}): AdminOptions {
  return {
    host: '127.0.0.1',
    port: 0,
    snapshots: fakeSnapshots(),
    table: new OperationTable({ maxRows: 10 }),
    metrics: { render: () => Promise.resolve(Buffer.from('weir_rows 1\n')) },
    isReady: () => true,
    logger: silentLogger,
    ...parts,
  };
}

describe('a running admin server', () => {
  const table = new OperationTable({ maxRows: 10 });
  let ready = false;
  let failing = false;
  const logged: LogFields[] = [];
  let server: AdminServer;

  before(async () => {
    runOperation(table.row('main', 'shop', 'a.ts:1', 'shop', 'orders', 'find'), { serverMs: 1.23456 });
    runOperation(table.row('main', 'shop', 'b.ts:2', 'shop', 'orders', 'find'), {
      outcome: 'refused',
      errorCode: 462,
      serverMs: -1,
    });
    runOperation(table.row('main', 'shop', 'a.ts:1', 'shop', 'orders', 'find'));
    const snapshots = fakeSnapshots({
      summary: () => {
        if (failing) throw new Error('planted');
        return { ...idleSummary, downstreamConnections: 7 };
      },
      limits: () => [
        { name: 'one', mode: 'observe', matched: 3, allowed: 2, observed: 1, refused: 0 },
        { name: 'two', mode: 'enforce', matched: 0, allowed: 0, observed: 0, refused: 0 },
      ],
      clients: () => [
        {
          id: 1,
          listener: 'main',
          address: '127.0.0.1:5',
          app: 'shop',
          driver: 'nodejs',
          connectedSeconds: 2,
          operations: 3,
          state: 'ready',
          bytesIn: 10,
          bytesOut: 20,
          current: null,
        },
      ],
    });
    const logger = { ...silentLogger, error: (fields: LogFields) => void logged.push(fields) };
    server = await startAdmin(makeOptions({ table, snapshots, isReady: () => ready, logger }));
  });

  after(() => server.stop());

  test('the index lists every address, and each of them answers', async () => {
    ready = true;
    const { status, text } = await ask(server, '/');
    assert.equal(status, 200);
    const paths = text.match(/^\/\S+/gm) ?? [];
    assert.equal(paths.length, 14);
    // A recording needs a recorder: record-route.test.ts.
    for (const path of paths.filter((path) => path !== '/api/v1/record'))
      assert.equal((await ask(server, path)).status, 200, path);
  });

  test('metrics are passed on with the type of the text format', async () => {
    const { text, headers } = await ask(server, '/metrics');
    assert.equal(text, 'weir_rows 1\n');
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  });

  test('readiness follows the upstream, health does not', async () => {
    ready = false;
    assert.equal((await ask(server, '/readyz')).status, 503);
    assert.equal((await ask(server, '/healthz')).status, 200);
    ready = true;
    assert.equal((await ask(server, '/readyz')).status, 200);
  });

  for (const [upstreamLogin, status, text] of [
    ['pending', 200, 'ok\n'],
    ['works', 200, 'ok\n'],
    ['refused', 503, "weir's login is refused\n"],
  ] as const) {
    test(`readiness while the login at the servers is ${upstreamLogin}`, async () => {
      const snapshots = fakeSnapshots({ summary: () => ({ ...idleSummary, upstreamLogin }) });
      const other = await startAdmin(makeOptions({ snapshots }));
      try {
        const answer = await ask(other, '/readyz');
        assert.deepEqual([answer.status, answer.text], [status, text]);
      } finally {
        await other.stop();
      }
    });
  }

  test('the summary is an object, numbers rounded to three decimals', async () => {
    assert.deepEqual(await askJson(server, '/api/v1/summary'), {
      ...idleSummary,
      downstreamConnections: 7,
      uptimeSeconds: 1.235,
    });
  });

  test('collections and call sites are arrays of rows', async () => {
    const zero = { p50: 0, p95: 0, p99: 0, max: 0 };
    const callSites = await askRows(server, '/api/v1/callsites');
    assert.deepEqual(callSites[1], {
      listener: 'main',
      db: 'shop',
      collection: 'orders',
      command: 'find',
      callSite: 'b.ts:2',
      app: 'shop',
      operations: 1,
      errors: 1,
      errorsByCode: { 462: 1 },
      documentsReturned: 1,
      documentsChanged: 0,
      requestBytes: 100,
      replyBytes: 200,
      active: 0,
      queryKinds: { primaryKey: 0, multiGet: 0, scatterGet: 0 },
      serverMs: zero,
      waitMs: zero,
    });
    assert.deepEqual(Object(callSites[0]?.['serverMs']), { p50: 1, p95: 1.232, p99: 1.232, max: 1.235 });
    const collections = await askRows(server, '/api/v1/collections');
    assert.deepEqual(
      collections.map((row) => [row['db'], row['callSite'], row['app'], row['operations']]),
      [['shop', '', '', 3]],
    );
  });

  test('limits, clients and pools are arrays', async () => {
    assert.deepEqual(await askJson(server, '/api/v1/limits?limit=1'), [
      { name: 'one', mode: 'observe', matched: 3, allowed: 2, observed: 1, refused: 0 },
    ]);
    assert.deepEqual(await askJson(server, '/api/v1/pools'), []);
    const clients = await askRows(server, '/api/v1/clients');
    assert.equal(clients[0]?.['driver'], 'nodejs');
  });

  test('a limit that is no positive whole number is refused', async () => {
    for (const limit of ['0', '-1', 'x', '1.5', '', '99999999999']) {
      assert.equal((await ask(server, `/api/v1/callsites?limit=${limit}`)).status, 400, limit);
    }
    assert.equal((await askRows(server, '/api/v1/callsites?limit=1')).length, 1);
  });

  test('every list says how many rows there are without the limit', async () => {
    for (const [path, total] of [
      ['callsites', '2'],
      ['collections', '1'],
      ['pools', '0'],
      ['clients', '1'],
      ['limits', '2'],
    ]) {
      const { headers } = await ask(server, `/api/v1/${path}?limit=1`);
      assert.equal(headers['x-total-count'], total, path);
    }
  });

  test('a foreign Host is refused on every path', async () => {
    for (const path of ['/', '/metrics', '/api/v1/summary', '/nowhere']) {
      const { status, text } = await ask(server, path, { headers: { host: 'evil.example' } });
      assert.equal(status, 403, path);
      assert.doesNotMatch(text, /weir_rows|downstream/);
    }
    assert.equal((await ask(server, '/healthz', { headers: { host: 'localhost:1' } })).status, 200);
  });

  test('unknown paths are 404 and other methods 405, both as JSON', async () => {
    const missing = await ask(server, '/api/v2/summary');
    assert.equal(missing.status, 404);
    assert.equal(typeof errorOf(missing), 'string');
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const refused = await ask(server, '/api/v1/summary', { method });
      assert.equal(refused.status, 405, method);
      assert.equal(refused.headers.allow, 'GET, HEAD');
      assert.equal(typeof errorOf(refused), 'string');
    }
    assert.deepEqual(await ask(server, '/healthz', { method: 'HEAD' }).then(({ status, text }) => [status, text]), [
      200,
      '',
    ]);
  });

  test('every answer carries the security headers and none of CORS', async () => {
    for (const path of ['/', '/metrics', '/api/v1/limits', '/nowhere']) {
      const { headers } = await ask(server, path, { headers: { origin: 'http://evil.example' } });
      assert.equal(headers['x-content-type-options'], 'nosniff', path);
      assert.equal(headers['cache-control'], 'no-store', path);
      assert.match(String(headers['content-security-policy']), /default-src 'none'/);
      assert.deepEqual(
        Object.keys(headers).filter((name) => name.startsWith('access-control')),
        [],
      );
    }
  });

  test('a failure inside is a 500 without its text, logged, and the server goes on', async () => {
    failing = true;
    const { status, text, headers } = await ask(server, '/api/v1/summary');
    failing = false;
    assert.equal(status, 500);
    assert.doesNotMatch(text, /planted/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(logged.at(-1)?.['error'], 'planted');
    assert.equal((await ask(server, '/healthz')).status, 200);
  });
});

test('a port that is taken rejects with the reason', async () => {
  const first = await startAdmin(makeOptions());
  await assert.rejects(startAdmin(makeOptions({ port: first.port })), { code: 'EADDRINUSE' });
  await first.stop();
});

test('stop cuts a request in flight, frees the port, and may be called twice', { timeout: 10_000 }, async (t) => {
  const rendering = new EventEmitter();
  const metrics = {
    render: () => {
      rendering.emit('begun');
      return new Promise<Buffer<ArrayBuffer>>(() => {});
    },
  };
  const server = await startAdmin(makeOptions({ metrics }));
  const begun = once(rendering, 'begun');
  const socket = connect(server.port, server.host);
  // Should stop() wait for the request, the time limit fails the test and this lets the process end.
  t.after(() => socket.destroy());
  socket.resume();
  const closed = once(socket, 'close');
  socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await begun;
  await server.stop();
  await closed;
  await server.stop();
  const next = await startAdmin(makeOptions({ port: server.port }));
  await next.stop();
});
