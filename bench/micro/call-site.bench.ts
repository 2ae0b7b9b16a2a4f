// One question: what do the filters add to an operation: finding its call site, and asking the limits?
// Does not measure the reading of the command (codecs.bench.ts). `npx tsx bench/micro/call-site.bench.ts` prints ns.
// Invariant: every comment carries a request id of its own, as in production: 1 024 distinct frames per notation.

import { bench, do_not_optimize as keep, run } from 'mitata';
import { type CommandView, encodeMessage, Frame, readCommand } from '../../codecs/index.ts';
import { type Client, Peer } from '../../src/core/client.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Operation } from '../../src/core/operation.ts';
import { CallSites } from '../../src/filters/call-sites.ts';
import { RateLimitFilter } from '../../src/filters/rate-limit.ts';
import type { LimitOptions } from '../../src/options.ts';

const COUNT = 1024;
const SITES = 64;
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function requestId(i: number): string {
  return `7f3a9c${(i * 2654435761).toString(16)}`;
}

function commandWith(comment: unknown): CommandView {
  return readCommand(Frame.of(encodeMessage({ find: 'orders', filter: { a: 1 }, comment, $db: 'shop' }, 1, 0)));
}

function benchNotation(name: string, commentOf: (i: number) => unknown): void {
  const commands = Array.from({ length: COUNT }, (_, i) => commandWith(commentOf(i)));
  const callSites = new CallSites();
  let at = 0;
  bench(name, () => {
    at = (at + 1) & (COUNT - 1);
    keep(callSites.of(commands[at] as CommandView));
  });
}

function addNotations(): void {
  const site = (i: number): string => `UserService.get${i % SITES}`;
  benchNotation("JSON, Lyft's", (i) =>
    JSON.stringify({ callingFunction: site(i), hostname: 'web-12', httpUniqueId: requestId(i) }),
  );
  benchNotation('JSON, the call site last', (i) =>
    JSON.stringify({ hostname: 'web-12', httpUniqueId: requestId(i), callingFunction: site(i) }),
  );
  benchNotation(
    'JSON with an escape in a key: parsed whole',
    (i) => `{"host\\u006e":"${requestId(i)}","callsite":"x"}`,
  );
  benchNotation('document', (i) => ({ callingFunction: site(i), requestId: requestId(i) }));
  benchNotation('document, OpenTelemetry', (i) => ({ traceparent: TRACE, text: site(i) }));
  benchNotation('list, sqlcommenter', (i) => `action='show',controller='users',route='%2Fusers%2F${i % SITES}'`);
  benchNotation(
    "list, Datadog's",
    () => `dddb='shop',dddbs='mongo',dde='prod',ddh='db-1',ddps='checkout',ddpv='1.2.3',traceparent='${TRACE}'`,
  );
  benchNotation('plain', site);
  benchNotation("plain with Datadog's list", (i) => `${site(i)},dddb='shop',dddbs='mongo',traceparent='${TRACE}'`);
  benchNotation('plain, 10 000 bytes', () => 'x'.repeat(10_000));
  benchNotation('no comment', () => undefined);
}

const client: Client = {
  id: 1,
  listener: 'main',
  peer: new Peer('p'),
  app: 'checkout',
  understandsBackoff: true,
  isClosed: false,
};

function operationAt(callSite: string): Operation {
  const operation = new Operation(client, commandWith(undefined), 0, { onFinish: () => {} });
  operation.callSite = callSite;
  return operation;
}

function benchLimits(name: string, limits: readonly Partial<LimitOptions>[]): void {
  const filter = new RateLimitFilter(
    limits.map((limit, i) => ({
      name: `limit-${i}`,
      match: {},
      per: [],
      ratePerSecond: 1e9,
      burst: 1e9,
      mode: 'enforce',
      ...limit,
    })),
  );
  const operations = Array.from({ length: SITES }, (_, i) => operationAt(`UserService.get${i}`));
  let at = 0;
  bench(name, () => {
    at = (at + 1) & (SITES - 1);
    keep(filter.onRequest(operations[at] as Operation));
  });
}

function addLimits(): void {
  benchLimits('no limits', []);
  benchLimits('one limit, not matching, exact', [{ match: { callSite: 'reports.daily1' } }]);
  benchLimits('one limit, not matching, glob', [{ match: { callSite: 'reports.*' } }]);
  benchLimits('one limit, matching', [{ match: { callSite: 'UserService.*' } }]);
  benchLimits('one limit, matching, per app', [{ match: { callSite: 'UserService.*' }, per: ['app'] }]);
  benchLimits('one limit, matching, per app and call site', [{ match: {}, per: ['app', 'callSite'] }]);
  benchLimits('one limit, refusing', [{ match: {}, ratePerSecond: 1e-9, burst: 1 }]);
  benchLimits('ten limits, one matching', [
    ...Array.from({ length: 9 }, (_, i) => ({ match: { callSite: `reports.${i}*` } })),
    { match: { collection: 'orders' } },
  ]);
}

addNotations();
addLimits();
bench('performance.now alone', () => keep(systemClock.nowMs()));
await run();
