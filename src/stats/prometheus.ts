// The metrics page. The only file that knows prom-client; values are handed over at scrape time, never counted here.
// Series of operations, which can be many thousands, are written by exposition.ts (why: see there).
// Invariant: between two renders no series of an operation metric disappears and no counter of it decreases.

import { Counter, Gauge, Registry } from 'prom-client';
import { type Clock, systemClock } from '../core/clock.ts';
import type { Snapshots } from '../core/snapshots.ts';
import { OperationExposition, poolWaitLines } from './exposition.ts';
import { MAX_HISTOGRAM_NAMESPACES, OperationSeries } from './operation-series.ts';
import type { OperationTable } from './operation-table.ts';
import { type Page, PageBuffer } from './page-buffer.ts';
import { type ProxySamples, readProxySamples, type Sample } from './proxy-samples.ts';
import { type MetricDefinition, PROXY_METRICS, type ProxyMetricKey } from './registry.ts';

/** How long a page may hold up the event loop at a time; one of 10 000 rows takes 50 to 100 ms in all. */
const LONGEST_STRETCH_MS = 5;

export interface MetricsOptions {
  readonly table: OperationTable;
  readonly snapshots: Snapshots;
  /** Call sites with series of their own (config stats.callSites.max). */
  readonly maxCallSites: number;
  /** Combinations of db, collection and command with histograms of their own. */
  readonly maxHistogramNamespaces?: number;
  readonly clock?: Clock;
}

export interface Metrics {
  /** The page in Prometheus' text format 0.0.4, UTF-8. */
  render(): Promise<Page>;
}

function labelObject(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}

/** Registers one metric whose values `read` gives anew at each scrape. */
function register(registry: Registry, metric: MetricDefinition, read: () => readonly Sample[]): void {
  const options = { name: metric.name, help: metric.help, labelNames: [...metric.labels], registers: [registry] };
  if (metric.type === 'counter') {
    const counter: Counter = new Counter({
      ...options,
      collect: () => {
        counter.reset();
        for (const sample of read()) counter.inc(labelObject(metric.labels, sample.labels), sample.value);
      },
    });
    return;
  }
  const gauge: Gauge = new Gauge({
    ...options,
    collect: () => {
      gauge.reset();
      for (const sample of read()) gauge.set(labelObject(metric.labels, sample.labels), sample.value);
    },
  });
}

/**
 * Writes all slices; between stretches of work everything else that is ready gets its turn. Text is encoded at once, not
 * gathered: joining 10 MB of it took as long as making it, for the collector had to keep and copy every line.
 */
async function writeOperations(page: PageBuffer, operations: OperationExposition, clock: Clock): Promise<void> {
  let startMs = clock.nowMs();
  for (const slice of operations.slices()) {
    page.add(slice);
    if (clock.nowMs() - startMs < LONGEST_STRETCH_MS) continue;
    await new Promise<void>((resume) => clock.onTurnEnd(resume));
    startMs = clock.nowMs();
  }
}

/** At most one page is made at a time: all who ask meanwhile get the one after it, which is begun after they asked. */
function shareRenders(make: () => Promise<Page>): Metrics {
  let current: Promise<Page> | null = null;
  let next: Promise<Page> | null = null;
  const begin = (): Promise<Page> => {
    next = null;
    current = make().finally(() => {
      if (next === null) current = null;
    });
    return current;
  };
  return {
    render() {
      if (current === null) return begin();
      next ??= current.then(begin, begin);
      return next;
    },
  };
}

/** Makes the metrics page of one proxy. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const operations = new OperationExposition(
    options.table,
    new OperationSeries(options.table, {
      maxHistogramNamespaces: options.maxHistogramNamespaces ?? MAX_HISTOGRAM_NAMESPACES,
      maxCallSites: options.maxCallSites,
    }),
  );
  let samples: ProxySamples | null = null;
  for (const key of Object.keys(PROXY_METRICS) as ProxyMetricKey[]) {
    register(registry, PROXY_METRICS[key], () => samples?.[key] ?? []);
  }
  let lastBytes = 0;
  return shareRenders(async () => {
    samples = readProxySamples(options.snapshots);
    const proxyText = await registry.metrics();
    const page = new PageBuffer(lastBytes);
    await writeOperations(page, operations, options.clock ?? systemClock);
    page.add(poolWaitLines(options.snapshots.pools()));
    page.add(proxyText);
    const bytes = page.take();
    lastBytes = bytes.length;
    return bytes;
  });
}
