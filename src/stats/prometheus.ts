// The metrics page. The only file that knows prom-client; values are handed over at scrape time, never counted here.
// Series of operations, which can be many thousands, are written by exposition.ts (why: see there).
// Invariant: between two renders no series of an operation metric disappears and no counter of it decreases.

import { Counter, Gauge, Registry } from 'prom-client';
import type { Snapshots } from '../core/snapshots.ts';
import { OperationExposition } from './exposition.ts';
import { OperationSeries } from './operation-series.ts';
import type { OperationTable } from './operation-table.ts';
import { type ProxySamples, readProxySamples, type Sample } from './proxy-samples.ts';
import { type MetricDefinition, PROXY_METRICS, type ProxyMetricKey } from './registry.ts';

/** Bounds the page: at 27 lines each that is some 60 000 lines, 6 MB, 20 ms. */
const DEFAULT_MAX_NAMESPACES = 2000;

export interface MetricsOptions {
  readonly table: OperationTable;
  readonly snapshots: Snapshots;
  /** Call sites with series of their own (config stats.callSites.max). */
  readonly maxCallSites: number;
  /** Combinations of db, collection and command with series of their own. */
  readonly maxNamespaces?: number;
}

export interface Metrics {
  /** The page in Prometheus' text format 0.0.4. */
  render(): Promise<string>;
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

/** Makes the metrics page of one proxy. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const operations = new OperationExposition(
    options.table,
    new OperationSeries(options.table, {
      maxNamespaces: options.maxNamespaces ?? DEFAULT_MAX_NAMESPACES,
      maxCallSites: options.maxCallSites,
    }),
  );
  let samples: ProxySamples | null = null;
  for (const key of Object.keys(PROXY_METRICS) as ProxyMetricKey[]) {
    register(registry, PROXY_METRICS[key], () => samples?.[key] ?? []);
  }
  return {
    async render() {
      samples = readProxySamples(options.snapshots);
      const proxyText = await registry.metrics();
      return operations.render() + proxyText;
    },
  };
}
