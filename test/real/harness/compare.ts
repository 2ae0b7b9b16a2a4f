// Compares what weir says was sent with what the drivers say they sent, and lists every difference.
// It reads weir's two public surfaces: the JSON rows and the Prometheus text.
// Invariant: both directions count: an operation missing at weir and one that no driver sent are differences alike.
import type { ProgramReport } from '../report.ts';
import type { CallSiteRow } from './weir.ts';

/** Sent by drivers without commandStarted events, or by some of them with: handshakes, monitoring, logins. */
const WITHOUT_EVENTS = new Set(['hello', 'isMaster', 'ismaster', 'saslStart', 'saslContinue']);

type Counts = Map<string, number>;

function add(counts: Counts, fields: readonly string[], count: number): void {
  const key = fields.join(' | ');
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/** weir may write "no collection" as an empty text or as `-`. */
function plain(collection: string): string {
  return collection === '-' ? '' : collection;
}

/** Bounded: the first twenty say what is wrong. */
function differences(expected: Counts, actual: Counts): string[] {
  return [...new Set([...expected.keys(), ...actual.keys()])]
    .filter((key) => (expected.get(key) ?? 0) !== (actual.get(key) ?? 0))
    .sort()
    .slice(0, 20)
    .map(
      (key) => `${key}: drivers sent ${String(expected.get(key) ?? 0)}, weir counted ${String(actual.get(key) ?? 0)}`,
    );
}

/** One program's events against the rows of its application name: per database, collection, command and call site. */
export function compareRows(report: ProgramReport, app: string, rows: readonly CallSiteRow[]): string[] {
  const sent: Counts = new Map();
  const counted: Counts = new Map();
  for (const row of report.sent) {
    if (!WITHOUT_EVENTS.has(row.command)) add(sent, [row.db, row.collection, row.command, row.callSite], row.count);
  }
  for (const row of rows) {
    if (row.app !== app || WITHOUT_EVENTS.has(row.command)) continue;
    add(counted, [row.db, plain(row.collection), row.command, row.callSite], row.operations);
  }
  return differences(sent, counted);
}

/**
 * All programs that used one weir against its /metrics: the call sites' own series, and the operations'.
 * Counters are exact for every row of weir's table, so what is counted in `other` is a difference too.
 */
export function compareMetrics(reports: readonly Pick<ProgramReport, 'sent'>[], text: string): string[] {
  const sentBySite: Counts = new Map();
  const sentByCommand: Counts = new Map();
  for (const row of reports.flatMap((report) => report.sent)) {
    if (WITHOUT_EVENTS.has(row.command)) continue;
    add(sentBySite, [row.db, row.collection, row.command, row.callSite], row.count);
    add(sentByCommand, [row.db, row.collection, row.command], row.count);
  }
  const countedBySite: Counts = new Map();
  const countedByCommand: Counts = new Map();
  for (const sample of readSamples(text)) {
    if (WITHOUT_EVENTS.has(sample.labels['command'] ?? '')) continue;
    if (sample.name === 'weir_operations_total') add(countedByCommand, namespaceOf(sample), sample.value);
    if (sample.name !== 'weir_callsite_operations_total') continue;
    add(countedBySite, [...namespaceOf(sample), sample.labels['callsite'] ?? ''], sample.value);
  }
  return [...differences(sentBySite, countedBySite), ...differences(sentByCommand, countedByCommand)];
}

function namespaceOf({ labels }: Sample): [string, string, string] {
  return [labels['db'] ?? '', plain(labels['collection'] ?? ''), labels['command'] ?? ''];
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Samples of the Prometheus text format, labels unescaped. */
export function readSamples(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const found = /^([a-z_]+)(?:\{(.*)\})? ([0-9.e+-]+|NaN)$/i.exec(line);
    if (found === null) return [];
    const labels: Record<string, string> = {};
    for (const [, label, value] of (found[2] ?? '').matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/gi)) {
      labels[label ?? ''] = (value ?? '').replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
    }
    return [{ name: found[1] ?? '', labels, value: Number(found[3]) }];
  });
}
