// Writes the series of operations in Prometheus' text format.
// It stands beside prom-client because of size: a full table is 100 000 lines, and prom-client needs more than a microsecond
// for each (labels are escaped and joined anew); here labels are escaped once.
// Invariants: the text of a series' labels never changes once written; a slice is a millisecond of work, the histogram `other` some more.

import { OUTCOMES } from '../core/outcome.ts';
import type { PoolSnapshot } from '../core/snapshots.ts';
import { HISTOGRAM_BORDERS_SECONDS, HISTOGRAM_BUCKETS } from './latency-sketch.ts';
import type { NamespaceEntry } from './namespace-table.ts';
import type { OperationRow } from './operation-row.ts';
import type { OperationSeries, RowSeries } from './operation-series.ts';
import type { OperationTable } from './operation-table.ts';
import { type MetricDefinition, OPERATION_METRICS, POOL_HISTOGRAM } from './registry.ts';

const BUCKET_LABELS: readonly string[] = [...HISTOGRAM_BORDERS_SECONDS.map(String), '+Inf'];

/** Series of a counter, or rows taken in, in one slice: less than a millisecond. */
const SERIES_A_SLICE = 500;
/** Series of a histogram in one slice; each is 11 lines, and sums over the sketches of its rows. */
const HISTOGRAMS_A_SLICE = 50;

type ReadNumber = (row: OperationRow) => number;

interface HistogramReader {
  readonly addBuckets: (row: OperationRow, target: Float64Array) => void;
  readonly sumMs: ReadNumber;
}

const COUNTERS: readonly (readonly [MetricDefinition, ReadNumber])[] = [
  [OPERATION_METRICS.replyDocuments, (row) => row.documentsReturned],
  [OPERATION_METRICS.documentsChanged, (row) => row.documentsChanged],
  [OPERATION_METRICS.requestBytes, (row) => row.requestBytes],
  [OPERATION_METRICS.replyBytes, (row) => row.replyBytes],
];

const CALL_SITE_COUNTERS: readonly (readonly [MetricDefinition, ReadNumber, divisor: number])[] = [
  [OPERATION_METRICS.callSiteOperations, (row) => row.operations, 1],
  [OPERATION_METRICS.callSiteSeconds, (row) => row.serverTimes.sumMs, 1000],
  [OPERATION_METRICS.callSiteDocuments, (row) => row.documentsReturned, 1],
];

const HISTOGRAMS: readonly (readonly [MetricDefinition, HistogramReader])[] = [
  [
    OPERATION_METRICS.operationSeconds,
    { addBuckets: (row, target) => row.addTotalHistogram(target), sumMs: (row) => row.totalSumMs },
  ],
  [
    OPERATION_METRICS.serverSeconds,
    { addBuckets: (row, target) => row.serverTimes.addHistogram(target), sumMs: (row) => row.serverTimes.sumMs },
  ],
  [
    OPERATION_METRICS.waitSeconds,
    { addBuckets: (row, target) => row.waitTimes.addHistogram(target), sumMs: (row) => row.waitTimes.sumMs },
  ],
];

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function formatLabels(names: readonly string[], values: readonly string[]): string {
  return names.map((name, index) => `${name}="${escapeLabel(values[index] ?? '')}"`).join(',');
}

function headOf(metric: MetricDefinition): string {
  return `# HELP ${metric.name} ${metric.help}\n# TYPE ${metric.name} ${metric.type}\n`;
}

/** Bucket, sum and count lines of one histogram; `buckets` are not cumulative. */
function histogramLines(name: string, labels: string, buckets: ArrayLike<number>, sumMs: number): string {
  let text = '';
  let count = 0;
  for (const [index, border] of BUCKET_LABELS.entries()) {
    count += buckets[index] ?? 0;
    text += `${name}_bucket{${labels},le="${border}"} ${count}\n`;
  }
  return `${text}${name}_sum{${labels}} ${sumMs / 1000}\n${name}_count{${labels}} ${count}\n`;
}

/** The waits of all pools: one series for each lane in which operations can wait. */
export function poolWaitLines(pools: readonly PoolSnapshot[]): string {
  let text = headOf(POOL_HISTOGRAM);
  for (const { cluster, endpoint, lane, waits } of pools) {
    if (waits === null) continue;
    const labels = formatLabels(POOL_HISTOGRAM.labels, [cluster, endpoint, lane]);
    text += histogramLines(POOL_HISTOGRAM.name, labels, waits.buckets, waits.sumMs);
  }
  return text;
}

/** The series cut into slices, as many as there are now: what is admitted between two slices comes with the next page. */
function* cut<Item>(all: readonly Item[], length: number): Generator<readonly Item[]> {
  const end = all.length;
  for (let at = 0; at < end; at += length) yield all.slice(at, Math.min(at + length, end));
}

export class OperationExposition {
  readonly #table: OperationTable;
  readonly #series: OperationSeries;
  readonly #labelTexts: Map<RowSeries, string> = new Map();

  constructor(table: OperationTable, series: OperationSeries) {
    this.#table = table;
    this.#series = series;
  }

  /**
   * All families of OPERATION_METRICS in slices of whole lines; the caller may do other things between them. Each line is
   * read when its slice is made, so a page made while operations finish is no snapshot, but no counter ever goes back.
   */
  *slices(): Generator<string> {
    while (this.#series.update(SERIES_A_SLICE)) yield '';
    yield* this.#outcomes();
    for (const [metric, reader] of HISTOGRAMS) yield* this.#histogram(metric, reader);
    for (const [metric, read] of COUNTERS) yield* this.#counter(metric, this.#series.namespaces(), read);
    for (const [metric, read, divisor] of CALL_SITE_COUNTERS) {
      yield* this.#counter(metric, this.#series.callSites(), read, divisor);
    }
    yield this.#queryKinds();
    yield* this.#namespaceCounter(OPERATION_METRICS.namespaceOperations, (entry) => entry.operations);
    yield* this.#namespaceCounter(OPERATION_METRICS.namespaceStatements, (entry) => entry.statements);
    yield this.#errors();
    yield this.#single(OPERATION_METRICS.rowsCapped, this.#table.other.operations);
    yield this.#single(OPERATION_METRICS.rows, this.#table.rows().length);
    yield this.#single(OPERATION_METRICS.active, this.#table.totals.active);
  }

  /** Metrics of the same series have the same labels, but for those that a line adds at its end. */
  #labelsOf(series: RowSeries, names: readonly string[]): string {
    let text = this.#labelTexts.get(series);
    if (text === undefined) {
      text = formatLabels(names, series.labels);
      this.#labelTexts.set(series, text);
    }
    return text;
  }

  #single(metric: MetricDefinition, value: number): string {
    return `${headOf(metric)}${metric.name} ${value}\n`;
  }

  #queryKinds(): string {
    const { name } = OPERATION_METRICS.queryKinds;
    const { primaryKey, multiGet, scatterGet } = this.#table.queryKinds;
    let text = headOf(OPERATION_METRICS.queryKinds);
    text += `${name}{kind="primary_key"} ${primaryKey}\n`;
    text += `${name}{kind="multi_get"} ${multiGet}\n`;
    return `${text}${name}{kind="scatter_get"} ${scatterGet}\n`;
  }

  /** `other` is always there, the others from their admission on. */
  *#namespaceCounter(metric: MetricDefinition, read: (entry: NamespaceEntry) => number): Generator<string> {
    yield headOf(metric);
    for (const slice of cut(this.#table.namespaces.entries(), SERIES_A_SLICE)) {
      let text = '';
      for (const entry of slice) {
        const { database, collection, command, role } = entry;
        text += `${metric.name}{${formatLabels(metric.labels, [database, collection, command, role])}} ${read(entry)}\n`;
      }
      yield text;
    }
  }

  #errors(): string {
    const metric = OPERATION_METRICS.errors;
    let text = headOf(metric);
    for (const { code, origin, count } of this.#series.codes()) {
      text += `${metric.name}{${formatLabels(metric.labels, [code, origin])}} ${count}\n`;
    }
    return text;
  }

  *#counter(metric: MetricDefinition, all: readonly RowSeries[], read: ReadNumber, divisor = 1): Generator<string> {
    yield headOf(metric);
    for (const slice of cut(all, SERIES_A_SLICE)) {
      let text = '';
      for (const series of slice) {
        text += `${metric.name}{${this.#labelsOf(series, metric.labels)}} ${series.sum(read) / divisor}\n`;
      }
      yield text;
    }
  }

  /** `ok` is always there, other outcomes from their first time on. */
  *#outcomes(): Generator<string> {
    const metric = OPERATION_METRICS.operations;
    const names = metric.labels.slice(0, -1);
    yield headOf(metric);
    for (const slice of cut(this.#series.namespaces(), SERIES_A_SLICE)) {
      let text = '';
      for (const series of slice) text += this.#outcomesOf(series, `${metric.name}{${this.#labelsOf(series, names)}`);
      yield text;
    }
  }

  #outcomesOf(series: RowSeries, start: string): string {
    const errors = series.sum((row) => row.errors);
    let text = `${start},outcome="ok"} ${series.sum((row) => row.operations) - errors}\n`;
    if (errors === 0) return text;
    for (const [index, outcome] of OUTCOMES.entries()) {
      if (outcome === 'ok') continue;
      const count = series.sum((row) => row.countAt(index));
      if (count > 0) text += `${start},outcome="${outcome}"} ${count}\n`;
    }
    return text;
  }

  *#histogram(metric: MetricDefinition, reader: HistogramReader): Generator<string> {
    yield headOf(metric);
    for (const slice of cut(this.#series.histograms(), HISTOGRAMS_A_SLICE)) {
      let text = '';
      for (const series of slice) text += this.#bucketsOf(series, metric, reader);
      yield text;
    }
  }

  #bucketsOf(series: RowSeries, { name, labels: names }: MetricDefinition, reader: HistogramReader): string {
    const labels = this.#labelsOf(series, names);
    const buckets = new Float64Array(HISTOGRAM_BUCKETS);
    for (const row of series.rows) reader.addBuckets(row, buckets);
    return histogramLines(name, labels, buckets, series.sum(reader.sumMs));
  }
}
