// The report of `weir decode` for people: a head, then tables. Pure.
// Invariant: nothing that was not read is left unsaid; text from the wire is printed without control characters.

import { cleanLabel } from '../stats/label.ts';
import { timeText } from './decode-follow.ts';
import type { Counted, DecodedFile, DecodeReport } from './decode-report.ts';
import { type ApiRow, type Column, renderColumns } from './show-tables.ts';

/** More rows than people read; --json and --csv have all. */
const MAX_ROWS = 50;
const MAX_CONVERSATIONS = 20;

const COUNT_COLUMNS: readonly Column[] = [
  { head: 'ops', from: 'operations' },
  { head: 'errors', from: 'errors' },
  { head: 'docs out', from: 'documentsReturned' },
  { head: 'docs changed', from: 'documentsChanged' },
  { head: 'request bytes', from: 'requestBytes' },
  { head: 'reply bytes', from: 'replyBytes' },
  { head: 'server p50 ms', from: 'serverMs.p50' },
  { head: 'p99', from: 'serverMs.p99' },
  { head: 'max', from: 'serverMs.max' },
];
const NAMESPACE_COLUMNS: readonly Column[] = [
  { head: 'db', from: 'db' },
  { head: 'collection', from: 'collection' },
  { head: 'command', from: 'command' },
];
const SERVER_COLUMN: Column = { head: 'server', from: 'listener' };
const CALL_SITE_COLUMNS: readonly Column[] = [
  { head: 'app', from: 'app' },
  { head: 'call site', from: 'callSite' },
  ...NAMESPACE_COLUMNS,
];
const CONVERSATION_COLUMNS: readonly Column[] = [
  { head: 'number', from: 'number' },
  { head: 'client', from: 'client' },
  { head: 'server', from: 'server' },
  { head: 'app', from: 'app' },
  { head: 'driver', from: 'driver' },
  { head: 'ops', from: 'operations' },
  { head: 'bytes', from: 'bytes' },
];
const SLOW_COLUMNS: readonly Column[] = [
  { head: 'time', from: 'time' },
  { head: 'server ms', from: 'serverMs' },
  { head: 'conversation', from: 'conversation' },
  ...CALL_SITE_COLUMNS,
  { head: 'docs out', from: 'documentsReturned' },
  { head: 'reply bytes', from: 'replyBytes' },
  { head: 'outcome', from: 'outcome' },
];

/** The whole report, without a line end at its end. */
export function renderReport(report: DecodeReport): string {
  const parts = [renderHead(report)];
  if (report.conversationsTotal === 0) return [...parts, noConversations(report)].join('\n\n');
  const servers = new Set(report.callSites.map(({ listener }) => listener));
  const callSiteColumns = servers.size > 1 ? [SERVER_COLUMN, ...CALL_SITE_COLUMNS] : CALL_SITE_COLUMNS;
  parts.push(section('collections', [...NAMESPACE_COLUMNS, ...COUNT_COLUMNS], rowsOf(report.collections)));
  parts.push(section('call sites', [...callSiteColumns, ...COUNT_COLUMNS], rowsOf(report.callSites)));
  if (report.slow !== null) parts.push(renderSlow(report, report.slow));
  parts.push(renderConversations(report));
  return parts.join('\n\n');
}

function renderHead(report: DecodeReport): string {
  const lines: [string, string][] = report.files.map((file, index) => [index === 0 ? 'files' : '', fileText(file)]);
  lines.push(['time', spanText(report)]);
  const { packets, tcp, recorded, connections, totals } = report;
  if (packets.count > 0) {
    lines.push(['packets', `${packets.count} (${packets.bytes} bytes)`]);
    lines.push(['TCP', `${tcp.segments} segments with ${tcp.bytes} bytes${extras(tcpExtras(report))}`]);
    lines.push(['connections', `${contentText(connections.byContent)}${extras(connectionExtras(report))}`]);
  }
  if (recorded.chunks > 0) lines.push(['recorded', `${recorded.chunks} messages (${recorded.bytes} bytes)`]);
  if (Object.keys(connections.tlsServers).length > 0) lines.push(['TLS at', tlsText(connections.tlsServers)]);
  lines.push(['operations', `${totals.operations} (${totals.errors} with errors)`]);
  for (const [name, text] of faultLines(report)) if (text !== '') lines.push([name, text]);
  return lines.map(([name, text]) => `${name.padEnd(12)} ${text}`).join('\n');
}

function fileText({ name, format, bytes, problem }: DecodedFile): string {
  const shown = cleanLabel(name === '-' ? 'standard input' : name);
  return `${shown} (${format ?? 'not read'}, ${bytes} bytes)${problem === null ? '' : `: ${problem}`}`;
}

function spanText({ time }: DecodeReport): string {
  if (time === null) return 'no packets';
  const { firstMs, lastMs, isCalendar } = time;
  const seconds = `${((lastMs - firstMs) / 1000).toFixed(3)} s`;
  return isCalendar ? `${timeText(firstMs, true)} to ${timeText(lastMs, true)} (${seconds})` : seconds;
}

function tcpExtras({ tcp }: DecodeReport): Counted {
  const { repeated, early } = tcp;
  return {
    repeated,
    'out of order': early,
    'cut by the snap length (capture whole packets: tcpdump -s 0)': tcp.cutBySnapLength,
    gaps: tcp.gaps,
    'bytes missing': tcp.gapBytes,
  };
}

function connectionExtras({ connections }: DecodeReport): Counted {
  return {
    'MongoDB ones joined after their start': connections.joinedLate,
    'given up, too many at once': connections.evicted,
  };
}

const CONTENT_NAMES: Readonly<Record<string, string>> = {
  mongodb: 'MongoDB',
  tls: 'TLS',
  http: 'HTTP',
  other: 'of other protocols',
  silent: 'without data',
  cut: 'too short to tell',
};

function contentText(byContent: Counted): string {
  return countedText(
    Object.fromEntries(Object.entries(byContent).map(([kind, n]) => [CONTENT_NAMES[kind] ?? kind, n])),
  );
}

function tlsText(servers: Counted): string {
  return `${Object.keys(servers).join(', ')} (encrypted: capture behind the TLS end to see operations)`;
}

/** What was not read, from packets up to conversations; an empty text where nothing was. */
function faultLines({ packets, linkTypesNotRead, streamFaults, ended }: DecodeReport): [string, string][] {
  const links = linkTypesNotRead.length === 0 ? '' : ` (link types ${linkTypesNotRead.join(', ')})`;
  const records = countedText({ ...packets.skipped, 'damaged records': packets.damaged });
  const streams = (['client', 'server'] as const)
    .map((side) => [side, countedText(faultsOf(streamFaults, side))])
    .filter(([, text]) => text !== '')
    .map(([side, text]) => `${side}: ${text}`);
  return [
    ['not read', `${records}${links}`],
    ['faults', streams.join('; ')],
    ['given up', countedText(ended)],
  ];
}

/** The faults of one side, by reason alone. */
function faultsOf(faults: Counted, side: string): Counted {
  const own = Object.entries(faults).filter(([key]) => key.startsWith(`${side}|`));
  return Object.fromEntries(own.map(([key, count]) => [key.slice(side.length + 1), count]));
}

/** `12 not_ip, 3 fragment`; reasons that did not occur are left out. */
function countedText(counts: Counted): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ');
}

function extras(counts: Counted): string {
  const text = countedText(counts);
  return text === '' ? '' : `; ${text}`;
}

function noConversations({ connections, packets }: DecodeReport): string {
  if ((connections.byContent['tls'] ?? 0) > 0) return 'no MongoDB conversation in the clear was found; there is TLS';
  if (packets.count === 0) return 'no packets, so no MongoDB conversation';
  return 'no MongoDB conversation was found; capture the port of the database, whole packets (tcpdump -s 0)';
}

function rowsOf(rows: readonly object[]): readonly ApiRow[] {
  return rows as readonly ApiRow[];
}

function section(title: string, columns: readonly Column[], rows: readonly ApiRow[], most = MAX_ROWS): string {
  if (rows.length === 0) return `no ${title}`;
  const table = `${title}\n${renderColumns(columns, rows.slice(0, most))}`;
  return rows.length > most ? `${table}\n… and ${rows.length - most} more; --json has them` : table;
}

function renderSlow({ time }: DecodeReport, slow: NonNullable<DecodeReport['slow']>): string {
  const rows = slow.slowest.map((row) => ({ ...row, time: timeText(row.atMs, time?.isCalendar ?? false) }));
  if (slow.total === 0) return 'no slow operations';
  return section(`slow operations (${slow.total})`, SLOW_COLUMNS, rows);
}

/** The busiest; in the order of their numbers if there are few. */
function renderConversations({ conversations, conversationsTotal }: DecodeReport): string {
  const busiest = [...conversations].sort((a, b) => b.operations - a.operations || a.number - b.number);
  const shown = busiest.slice(0, MAX_CONVERSATIONS).sort((a, b) => a.number - b.number);
  const title =
    shown.length < conversationsTotal
      ? `conversations (the busiest ${shown.length} of ${conversationsTotal})`
      : 'conversations';
  return `${section(title, CONVERSATION_COLUMNS, rowsOf(shown))}\nprint one with --follow NUMBER`;
}
