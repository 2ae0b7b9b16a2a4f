// Writes docs/generated/metrics.md from the table of metrics; with --check it only compares and exits 1 on a difference.
// It holds no text about single metrics. Invariant: the same table gives the same page, byte for byte.

import { fileURLToPath } from 'node:url';
import { HISTOGRAM_BORDERS_SECONDS } from '../src/stats/latency-sketch.ts';
import { MAX_NAMESPACES } from '../src/stats/namespace-table.ts';
import { MAX_CODES, MAX_HISTOGRAM_NAMESPACES } from '../src/stats/operation-series.ts';
import { type MetricDefinition, OPERATION_METRICS, POOL_HISTOGRAM, PROXY_METRICS } from '../src/stats/registry.ts';
import { writeOrCheck } from './generated-page.ts';

const PAGE = fileURLToPath(new URL('../docs/generated/metrics.md', import.meta.url));

function tableOf(metrics: readonly MetricDefinition[]): string {
  const lines = metrics.map(({ name, type, labels, help }) => {
    const names = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${names || '–'} | ${help.replaceAll('|', '\\|')} |`;
  });
  return ['| metric | type | labels | meaning |', '|---|---|---|---|', ...lines].join('\n');
}

function makePage(): string {
  return `# Metrics

<!-- Made by scripts/generate-metrics-docs.ts from src/stats/registry.ts. Do not edit. -->

\`GET /metrics\` on the admin address, in Prometheus' text format 0.0.4.

## Operations

${tableOf(Object.values(OPERATION_METRICS))}

* Buckets of the histograms end at ${HISTOGRAM_BORDERS_SECONDS.join(', ')} seconds (powers of four of a microsecond: exact borders
  of the counts weir keeps anyway) and +Inf.
* \`db\`, \`collection\`, \`command\` and \`callsite\` come from applications, so they are bounded: texts are cut at 120
  characters, control characters are replaced, and what comes after a cap is full is summed in series whose labels are \`other\`.
  Admission is first come, so a series never decreases or vanishes while weir runs. The caps:
  * all metrics: the rows of the operation table (\`stats.rows.max\`). Counters are exact for every row; what found the table
    full is in \`weir_rows_capped\`.
  * histograms: the first ${MAX_HISTOGRAM_NAMESPACES} combinations of \`db\`, \`collection\` and \`command\`, so that the page of a full table stays small.
  * \`callsite\`: \`stats.callSites.max\` different ones.
  * \`code\`: ${MAX_CODES} different pairs of code and origin.
  * \`weir_namespace_*\`: the first ${MAX_NAMESPACES} combinations of \`db\`, \`collection\`, \`command\` and \`role\`.
* \`weir_namespace_*\` and \`weir_query_kinds_total\` count when an operation begins. An operation counts once in every collection that it
  names, so their sum is more than the operations. Which commands name several, and what a query kind is: [commands](commands.md).
* \`weir_operation_seconds\` counts every operation of \`weir_operations_total\`, with its wait (\`weir_wait_seconds\`) and its time at
  the server together; \`weir_server_seconds\` counts only those whose reply came.
* \`origin\` of an error is \`proxy\` where weir itself made the answer (a limit, a full queue, a lost connection), else \`upstream\`.
* There is no histogram of waits per pool: an operation's wait is counted where it belongs, by \`db\`, \`collection\` and
  \`command\` in \`weir_wait_seconds\`, and its lane is not known there. How a pool is doing now is in \`weir_pool_waiters\` and
  \`weir_pool_longest_wait_seconds\`, by lane.
* A page is written piece by piece between operations. It is no snapshot: while operations finish, families may differ by
  those that finished meanwhile. The buckets, sum and count of one histogram series always agree.
* An operation without a call site has the call site \`-\`.
* A series of \`weir_operations_total\` with another outcome than \`ok\` appears with its first operation.

## The proxy itself

${tableOf([...Object.values(PROXY_METRICS), POOL_HISTOGRAM])}
`;
}

writeOrCheck(PAGE, makePage(), 'scripts/generate-metrics-docs.ts');
