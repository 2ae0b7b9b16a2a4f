// What the admin server answers: metrics, health, and the JSON API of version 1.
// It opens no socket (server.ts does) and computes nothing that belongs to statistics.
// Invariant: every answer but a recording (record-route.ts) is made from a snapshot; nothing but a verb (verb-routes.ts)
// changes the proxy.

import { type Context, Hono } from 'hono';
import type { Logger } from '../core/logger.ts';
import type { LimitSnapshot, Page, Snapshots } from '../core/snapshots.ts';
import type { Verbs } from '../core/verbs.ts';
import type { Recorder } from '../recording/recorder.ts';
import { pageCallSites, pageCollections } from '../stats/operation-report.ts';
import type { OperationTable } from '../stats/operation-table.ts';
import { isAllowedHost } from './host-check.ts';
import { addRecordRoute } from './record-route.ts';
import { addVerbRoutes, VERB_PATHS } from './verb-routes.ts';

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
  /** Without them nothing can be asked of weir here. */
  readonly verbs?: Verbs;
}

const INDEX = `weir admin

/metrics              Prometheus metrics
/healthz              200 while the process serves
/readyz               200 while an upstream is reachable and does not refuse weir's login, and weir is not draining, else 503
/api/v1/summary       connections in and out, operations, errors, refusals
/api/v1/collections   per database, collection and command, busiest first
/api/v1/callsites     the same per call site and application
/api/v1/namespaces    every collection that operations name, and as what: primary, lookup, out, bulkWrite …
/api/v1/pools         connections to the server, per endpoint and lane
/api/v1/clients       connections of applications and what each is doing, longest first
/api/v1/servers       the servers of each cluster, as their monitors know them
/api/v1/cursors       cursors that are open through weir, those asked longest ago first
/api/v1/operations    operations in flight, longest first
/api/v1/limits        rate limits and their decisions
/api/v1/record        conversations as they pass, values replaced: ?seconds=10&connections=20&client=HOST

Lists take ?limit=N and say in the header X-Total-Count how many rows there are; clients, servers, cursors and
operations give 1000 without it.

POST with X-Weir: 1 and Content-Type: application/json, on loopback only:
  /api/v1/pause, /api/v1/resume, /api/v1/reconnect   {} or {"cluster": "NAME"}
  /api/v1/drain                                      {} or {"timeoutMs": 30000}; then weir ends
  /api/v1/kill                                       {"client": 7} or {"operation": "7.12"}
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

/** Rows of a list that may be very long, unless more is asked for. */
const DEFAULT_ROWS = 1000;

/** The `limit` of a query; null if it is not a positive whole number. */
function readLimit(context: Context, absent: number): number | null {
  const text = context.req.query('limit');
  if (text === undefined) return absent;
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null;
}

function firstOf(rows: readonly unknown[], limit: number): Page<unknown> {
  return { rows: rows.slice(0, limit), total: rows.length };
}

function list(context: Context, read: (limit: number) => Page<unknown>, most: number = Infinity): Response {
  const limit = readLimit(context, most);
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
    if (options.verbs !== undefined && VERB_PATHS.has(context.req.path)) return await next();
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
  app.get('/api/v1/clients', (context) => list(context, (limit) => firstOf(snapshots.clients(), limit), DEFAULT_ROWS));
  app.get('/api/v1/servers', (context) => list(context, (limit) => firstOf(snapshots.servers(), limit), DEFAULT_ROWS));
  app.get('/api/v1/cursors', (context) => list(context, (limit) => snapshots.cursors(limit), DEFAULT_ROWS));
  app.get('/api/v1/operations', (context) =>
    list(context, (limit) => firstOf(snapshots.operations(), limit), DEFAULT_ROWS),
  );
  app.get('/api/v1/limits', (context) => list(context, (limit) => firstOf(snapshots.limits().map(limitRow), limit)));
}

/** The admin server as a function from request to response. */
export function createRoutes(options: RouteOptions): Hono {
  const app = new Hono();
  addGuards(app, options);
  app.get('/', (context) => context.text(INDEX));
  app.get('/healthz', (context) => context.text('ok\n'));
  app.get('/readyz', (context) => {
    const { isDraining, upstreamLogin } = options.snapshots.summary();
    if (isDraining) return context.text('draining\n', 503);
    if (!options.isReady()) return context.text('no upstream is reachable\n', 503);
    return upstreamLogin === 'refused' ? context.text("weir's login is refused\n", 503) : context.text('ok\n');
  });
  app.get('/metrics', async (context) =>
    context.body(await options.metrics.render(), 200, { 'content-type': METRICS_TYPE }),
  );
  addApi(app, options);
  if (options.verbs !== undefined) addVerbRoutes(app, { ...options, verbs: options.verbs });
  if (options.recorder !== undefined) addRecordRoute(app, { host: options.host, recorder: options.recorder });
  return app;
}
