// A view as lines: the live screen, the line per second where there is no terminal, the report at the end.
// Pure. Invariant: no line is wider and no screen higher than the size that is given.

import stringWidth from 'string-width';
import { cleanLabel } from '../stats/label.ts';
import { callSiteColumns, collectionColumns, formatCount, formatNumber, limitColumns, type Paint } from './columns.ts';
import { cutText, fitText, layoutTable } from './table.ts';
import type { ApplicationLine, DemoView } from './view.ts';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

export interface ScreenStyle {
  readonly paint: Paint;
  /** The demo's limit in words. */
  readonly rule: string;
}

/** Applications drawn one by one; the rest is summed. */
const MAX_APPLICATIONS = 4;
/** Lines for the two tables below which the picture of connections makes room for them. */
const FEWEST_TABLE_LINES = 8;
const GAP = '   ';

/** The whole live screen. */
export function renderScreen(view: DemoView, size: ScreenSize, style: ScreenStyle): readonly string[] {
  const { columns: width, rows } = size;
  const top = [...renderHeader(view, width, style.paint), ''];
  const picture = [...renderPicture(view, width), ''];
  const bottom = ['', ...renderLimits(view, width, style), ...renderAddresses(view, width, style.paint)];
  // One line more between the two tables.
  const spare = rows - top.length - bottom.length - 1;
  const isDrawn = spare - picture.length >= FEWEST_TABLE_LINES;
  const left = isDrawn ? spare - picture.length : spare;
  const tables = renderTables(view, { width, lines: left, isFinal: false }, style.paint);
  return [...top, ...(isDrawn ? picture : []), ...tables, ...bottom].slice(0, rows);
}

/** One line a second, for logs and pipes. */
export function renderSummaryLine(view: DemoView): string {
  return [
    `${fitText(`${Math.round(view.elapsedSeconds)} s`, 6, 'right')}`,
    `${view.connectionsIn} connections in, ${view.connectionsOut} out`,
    `${formatNumber(view.operationsPerSecond)} operations/s`,
    countErrors(view),
    `${formatCount(view.refused)} refused`,
    ...(view.isReachable ? [] : ['no server is reachable']),
  ].join(GAP);
}

/** What is printed when the demo ends: everything, with averages over the whole run. */
export function renderReport(view: DemoView, width: number, style: ScreenStyle): readonly string[] {
  const { paint } = style;
  const seconds = `${view.elapsedSeconds.toFixed(1)} s`;
  const headline = `weir demo: ${formatCount(view.operations)} operations in ${seconds}, ${countErrors(view)}, ${formatCount(view.refused)} refused`;
  return [
    paint.bold(cutText(headline, width)),
    '',
    ...renderPicture(view, width),
    '',
    ...renderTables(view, { width, lines: Infinity, isFinal: true }, paint),
    '',
    ...renderLimits(view, width, style),
  ];
}

/** The text in lines of at most `width`, broken between words. */
export function wrapText(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (stringWidth(longer) <= width || line === '') line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line].map((each) => cutText(each, width));
}

function countErrors({ errors }: DemoView): string {
  return `${formatCount(errors)} ${errors === 1 ? 'error' : 'errors'}`;
}

function renderHeader(view: DemoView, width: number, paint: Paint): readonly string[] {
  const parts = [
    ['weir', paint.bold],
    [`${view.connectionsIn} connections in → ${view.connectionsOut} out`, paint.good],
    [`${formatNumber(view.operationsPerSecond)} ops/s`, paint.bold],
    [countErrors(view), view.errors > 0 ? paint.bad : paint.dim],
    [`${formatCount(view.refused)} refused`, view.refused > 0 ? paint.warn : paint.dim],
  ] as const;
  const plain = parts.map(([text]) => text).join(GAP);
  const fits = stringWidth(plain) <= width;
  const first = fits ? parts.map(([text, colour]) => colour(text)).join(GAP) : cutText(plain, width);
  return [first, renderStatus(view, width, paint)];
}

function renderStatus(view: DemoView, width: number, paint: Paint): string {
  if (!view.isReachable) return paint.bad(cutText('no server is reachable; operations wait, then fail', width));
  const time = `${Math.floor(view.elapsedSeconds)} s${view.totalSeconds === null ? '' : ` of ${view.totalSeconds}`}`;
  const server = view.isSandbox ? 'server: the sandbox, in memory, not a database' : `server: ${view.serverName}`;
  return paint.dim(cutText([time, server, 'q ends'].join(' · '), width));
}

/** Many lines run into weir, one comes out. */
function renderPicture(view: DemoView, width: number): readonly string[] {
  const apps = summarise(view.applications);
  const middle = Math.floor((apps.length - 1) / 2);
  const nameWidth = Math.max(...apps.map(({ name }) => stringWidth(cleanLabel(name))), 0);
  return apps.map(({ name, connections }, index) => {
    const source = `  ${fitText(cleanLabel(name), nameWidth, 'left')}  ${String(connections).padStart(5)} connections ─`;
    const rest = index === middle ? `─► weir ─► ${view.connectionsOut} connections ─► ${view.serverName}` : '';
    return cutText(`${source}${joint(index, apps.length, middle)}${rest}`, width);
  });
}

function joint(index: number, count: number, middle: number): string {
  if (count === 1) return '─';
  if (index === 0) return middle === 0 ? '┬' : '┐';
  if (index === count - 1) return '┘';
  return index === middle ? '┼' : '┤';
}

function summarise(applications: readonly ApplicationLine[]): readonly ApplicationLine[] {
  if (applications.length === 0) return [{ name: 'applications', connections: 0 }];
  if (applications.length <= MAX_APPLICATIONS) return applications;
  const largest = [...applications].sort((a, b) => b.connections - a.connections);
  const others = largest.splice(MAX_APPLICATIONS - 1).reduce((sum, { connections }) => sum + connections, 0);
  return [...largest, { name: 'others', connections: others }];
}

interface TablesSpace {
  readonly width: number;
  /** For both, with the blank line between them. */
  readonly lines: number;
  readonly isFinal: boolean;
}

function renderTables(view: DemoView, space: TablesSpace, paint: Paint): readonly string[] {
  const { width, lines, isFinal } = space;
  const wanted = view.callSites.length + 1;
  // Call sites are what only weir shows: they get the larger part, and what the collections leave.
  const forCollections = Math.min(view.collections.length + 1, Math.max(lines - wanted, Math.floor(lines * 0.4)));
  const options = { width, paintHead: paint.dim };
  return [
    ...layoutTable(callSiteColumns(paint, isFinal), view.callSites, { ...options, maxLines: lines - forCollections }),
    '',
    ...layoutTable(collectionColumns(paint, isFinal), view.collections, { ...options, maxLines: forCollections }),
  ];
}

function renderLimits(view: DemoView, width: number, { paint, rule }: ScreenStyle): readonly string[] {
  return layoutTable(limitColumns(paint, rule), view.limits, { width, maxLines: Infinity, paintHead: paint.dim });
}

function renderAddresses(view: DemoView, width: number, paint: Paint): readonly string[] {
  return view.addresses.map(([label, address]) => {
    const head = fitText(label, 8, 'left');
    return `${paint.dim(cutText(head, width))}${cutText(address, Math.max(0, width - head.length))}`;
  });
}
