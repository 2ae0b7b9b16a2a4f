// Writes docs/generated/metrics.md from the table of metrics; with --check it only compares and exits 1 on a difference.
// It holds no text about single metrics. Invariant: the same table gives the same page, byte for byte.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HISTOGRAM_BORDERS_SECONDS } from '../src/stats/latency-sketch.ts';
import { type MetricDefinition, OPERATION_METRICS, PROXY_METRICS } from '../src/stats/registry.ts';

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
  Admission is first come, so a series never decreases or vanishes while weir runs.
* An operation without a call site has the call site \`-\`.
* A series of \`weir_operations_total\` with another outcome than \`ok\` appears with its first operation.

## The proxy itself

${tableOf(Object.values(PROXY_METRICS))}
`;
}

function readPage(): string {
  try {
    return readFileSync(PAGE, 'utf8');
  } catch {
    return '';
  }
}

const page = makePage();
if (!process.argv.includes('--check')) {
  mkdirSync(dirname(PAGE), { recursive: true });
  writeFileSync(PAGE, page);
} else if (readPage() !== page) {
  console.error('docs/generated/metrics.md is out of date: run npx tsx scripts/generate-metrics-docs.ts');
  process.exitCode = 1;
}
