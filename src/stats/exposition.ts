// Writes the series of operations in Prometheus' text format.
// It stands beside prom-client because of size: with 2 000 namespaces these are 60 000 lines, and prom-client needs 70 to
// 95 ms of blocked event loop for them (each line's labels are escaped and joined anew); here labels are escaped once.
// Invariant: the text of a series' labels never changes once written.

import { OUTCOMES } from '../core/outcome.ts';
import { HISTOGRAM_BORDERS_SECONDS } from './latency-sketch.ts';
import type { CallSiteSeries, NamespaceSeries, OperationSeries } from './operation-series.ts';
import type { OperationTable } from './operation-table.ts';
import { type MetricDefinition, OPERATION_METRICS } from './registry.ts';

type Labelled = NamespaceSeries | CallSiteSeries;

const BUCKET_LABELS: readonly string[] = [...HISTOGRAM_BORDERS_SECONDS.map(String), '+Inf'];

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function formatLabels(names: readonly string[], values: readonly string[]): string {
  return names.map((name, index) => `${name}="${escapeLabel(values[index] ?? '')}"`).join(',');
}

export class OperationExposition {
  readonly #table: OperationTable;
  readonly #series: OperationSeries;
  readonly #labelTexts: Map<Labelled, string> = new Map();

  constructor(table: OperationTable, series: OperationSeries) {
    this.#table = table;
    this.#series = series;
  }

  /** All families of OPERATION_METRICS, summed up now; ends with a newline. */
  render(): string {
    this.#series.refresh();
    const lines: string[] = [];
    this.#writeOutcomes(lines);
    this.#writeHistogram(lines, OPERATION_METRICS.serverSeconds, (s) => [s.serverBuckets, s.serverMs]);
    this.#writeHistogram(lines, OPERATION_METRICS.waitSeconds, (s) => [s.waitBuckets, s.waitMs]);
    const namespaces = [...this.#series.namespaces()];
    this.#write(lines, OPERATION_METRICS.replyDocuments, namespaces, (s) => s.documentsReturned);
    this.#write(lines, OPERATION_METRICS.documentsChanged, namespaces, (s) => s.documentsChanged);
    this.#write(lines, OPERATION_METRICS.requestBytes, namespaces, (s) => s.requestBytes);
    this.#write(lines, OPERATION_METRICS.replyBytes, namespaces, (s) => s.replyBytes);
    const callSites = [...this.#series.callSites()];
    this.#write(lines, OPERATION_METRICS.callSiteOperations, callSites, (s) => s.operations);
    this.#write(lines, OPERATION_METRICS.callSiteSeconds, callSites, (s) => s.serverMs / 1000);
    this.#write(lines, OPERATION_METRICS.callSiteDocuments, callSites, (s) => s.documentsReturned);
    this.#writeHead(lines, OPERATION_METRICS.errors);
    for (const [code, count] of this.#series.codes()) {
      lines.push(`${OPERATION_METRICS.errors.name}{${formatLabels(OPERATION_METRICS.errors.labels, [code])}} ${count}`);
    }
    this.#writeSingle(lines, OPERATION_METRICS.rowsCapped, this.#table.other.operations);
    this.#writeSingle(lines, OPERATION_METRICS.rows, this.#table.rows().length);
    this.#writeSingle(lines, OPERATION_METRICS.active, this.#table.totals.active);
    return `${lines.join('\n')}\n`;
  }

  #labelsOf(series: Labelled, names: readonly string[]): string {
    let text = this.#labelTexts.get(series);
    if (text === undefined) {
      text = formatLabels(names, series.labels);
      this.#labelTexts.set(series, text);
    }
    return text;
  }

  #writeHead(lines: string[], metric: MetricDefinition): void {
    lines.push(`# HELP ${metric.name} ${metric.help}`, `# TYPE ${metric.name} ${metric.type}`);
  }

  #writeSingle(lines: string[], metric: MetricDefinition, value: number): void {
    this.#writeHead(lines, metric);
    lines.push(`${metric.name} ${value}`);
  }

  #write<Series extends Labelled>(
    lines: string[],
    metric: MetricDefinition,
    all: readonly Series[],
    read: (series: Series) => number,
  ): void {
    this.#writeHead(lines, metric);
    for (const series of all) lines.push(`${metric.name}{${this.#labelsOf(series, metric.labels)}} ${read(series)}`);
  }

  /** `ok` is always there, other outcomes from their first time on. */
  #writeOutcomes(lines: string[]): void {
    const metric = OPERATION_METRICS.operations;
    this.#writeHead(lines, metric);
    for (const series of this.#series.namespaces()) {
      const labels = this.#labelsOf(series, OPERATION_METRICS.replyBytes.labels);
      for (const [index, outcome] of OUTCOMES.entries()) {
        const count = series.outcomes[index] ?? 0;
        if (count > 0 || outcome === 'ok') lines.push(`${metric.name}{${labels},outcome="${outcome}"} ${count}`);
      }
    }
  }

  #writeHistogram(
    lines: string[],
    metric: MetricDefinition,
    read: (series: NamespaceSeries) => readonly [buckets: Float64Array, sumMs: number],
  ): void {
    this.#writeHead(lines, metric);
    for (const series of this.#series.namespaces()) {
      const labels = this.#labelsOf(series, metric.labels);
      const [buckets, sumMs] = read(series);
      let count = 0;
      for (const [index, border] of BUCKET_LABELS.entries()) {
        count += buckets[index] ?? 0;
        lines.push(`${metric.name}_bucket{${labels},le="${border}"} ${count}`);
      }
      lines.push(`${metric.name}_sum{${labels}} ${sumMs / 1000}`, `${metric.name}_count{${labels}} ${count}`);
    }
  }
}
