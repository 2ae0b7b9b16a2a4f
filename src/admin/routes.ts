// What the admin server answers: metrics, health, and the JSON API of version 1. Read-only.
// It opens no socket (server.ts does) and computes nothing that belongs to statistics.
// Invariant: every answer but a recording (record-route.ts) is made from a snapshot; no request changes the proxy.

import { type Context, Hono } from 'hono';
import type { Logger } from '../core/logger.ts';
import type { LimitSnapshot, Snapshots } from '../core/snapshots.ts';
import type { Recorder } from '../recording/recorder.ts';
import { pageCallSites, pageCollections } from '../stats/operation-report.ts';
import type { OperationTable } from '../stats/operation-table.ts';
import { isAllowedHost } from './host-check.ts';
import { addRecordRoute } from './record-route.ts';

export interface RouteOptions {
  /** The host the server is bound to, for the Host check. */
  readonly host: string;
  readonly snapshots: Snapshots;
  readonly table: OperationTable;
  readonly metrics: { render(): Promise<Uint8Array<ArrayBuffer>> };
  /** True once an upstream has answered and while one is reachable. */
  isReady(): boolean;
  readonly logger: Logger;
  /** Without it there is no /api/v1/record. */
  readonly recorder?: Recorder;
}

const INDEX = `weir admin

/metrics              Prometheus metrics
/healthz              200 while the process serves
/readyz               200 while an upstream is reachable, else 503
/api/v1/summary       connections in and out, operations, errors, refusals
/api/v1/collections   per database, collection and command, busiest first
/api/v1/callsites     the same per call site and application
/api/v1/namespaces    every collection that operations name, and as what: primary, lookup, out, bulkWrite …
/api/v1/pools         connections to the server, per endpoint and lane
/api/v1/clients       connections of applications
/api/v1/limits        rate limits and their decisions
/api/v1/record        conversations as they pass, values replaced: ?seconds=10&connections=20&client=HOST

Lists take ?limit=N and say in the header X-Total-Count how many rows there are.
`;

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

type Status = 200 | 400 | 403 | 404 | 405 | 500;

/** Three decimals are more than the percentiles' precision, and keep pages short. */
function roundNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
}

function json(context: Context, body: unknown, status: Status = 200): Response {
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  return context.body(`${JSON.stringify(body, roundNumbers)}\n`, status, headers);
}

/** The `limit` of a query: absent is no limit; null if it is not a positive whole number. */
function readLimit(context: Context): number | null {
  const text = context.req.query('limit');
  if (text === undefined) return Infinity;
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null;
}

interface Page {
  readonly rows: readonly unknown[];
  /** Rows there would be without a limit. */
  readonly total: number;
}

function firstOf(rows: readonly unknown[], limit: number): Page {
  return { rows: rows.slice(0, limit), total: rows.length };
}

function list(context: Context, read: (limit: number) => Page): Response {
  const limit = readLimit(context);
  if (limit === null) return json(context, { error: 'limit must be a whole number from 1' }, 400);
  const { rows, total } = read(limit);
  context.header('x-total-count', String(total));
  return json(context, rows);
}

function limitRow(limit: LimitSnapshot): LimitSnapshot {
  const { name, mode, matched, allowed, observed, refused } = limit;
  return { name, mode, matched, allowed, observed, refused };
}

function addGuards(app: Hono, options: RouteOptions): void {
  app.use(async (context, next) => {
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
    if (!isAllowedHost(context.req.header('host'), options.host)) {
      return json(context, { error: 'the Host header does not name this server' }, 403);
    }
    if (context.req.method !== 'GET' && context.req.method !== 'HEAD') {
      context.header('allow', 'GET, HEAD');
      return json(context, { error: 'only GET and HEAD are served' }, 405);
    }
    return await next();
  });
  app.notFound((context) => json(context, { error: 'no such address; / lists them' }, 404));
  app.onError((error, context) => {
    options.logger.error({ path: context.req.path, error: error.message }, 'admin request failed');
    return json(context, { error: 'internal error' }, 500);
  });
}

function addApi(app: Hono, { snapshots, table }: RouteOptions): void {
  app.get('/api/v1/summary', (context) => json(context, snapshots.summary()));
  app.get('/api/v1/collections', (context) => list(context, (limit) => pageCollections(table, limit)));
  app.get('/api/v1/callsites', (context) => list(context, (limit) => pageCallSites(table, limit)));
  app.get('/api/v1/namespaces', (context) => list(context, (limit) => table.namespaces.page(limit)));
  app.get('/api/v1/pools', (context) => list(context, (limit) => firstOf(snapshots.pools(), limit)));
  app.get('/api/v1/clients', (context) => list(context, (limit) => firstOf(snapshots.clients(), limit)));
  app.get('/api/v1/limits', (context) => list(context, (limit) => firstOf(snapshots.limits().map(limitRow), limit)));
}

/** The admin server as a function from request to response. */
export function createRoutes(options: RouteOptions): Hono {
  const app = new Hono();
  addGuards(app, options);
  app.get('/', (context) => context.text(INDEX));
  app.get('/healthz', (context) => context.text('ok\n'));
  app.get('/readyz', (context) =>
    options.isReady() ? context.text('ok\n') : context.text('no upstream is reachable\n', 503),
  );
  app.get('/metrics', async (context) =>
    context.body(await options.metrics.render(), 200, { 'content-type': METRICS_TYPE }),
  );
  addApi(app, options);
  if (options.recorder !== undefined) addRecordRoute(app, { host: options.host, recorder: options.recorder });
  return app;
}
