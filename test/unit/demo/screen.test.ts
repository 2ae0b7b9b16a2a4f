// The screen, the line per second and the report, from a view made by hand.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import stringWidth from 'string-width';
import { renderReport, renderScreen, renderSummaryLine, type ScreenStyle, wrapText } from '../../../src/demo/screen.ts';
import { createPaint } from '../../../src/demo/terminal.ts';
import type { DemoView, OperationLine } from '../../../src/demo/view.ts';

const STYLE: ScreenStyle = { paint: createPaint(false), rule: 'at most 20/s, burst 10, for Reports.*' };
const COLOURED: ScreenStyle = { ...STYLE, paint: createPaint(true) };

function line(parts: Partial<OperationLine>): OperationLine {
  return {
    app: 'shop',
    callSite: 'Cart.show',
    namespace: 'shop.carts',
    command: 'find',
    calls: 1234,
    callsPerSecond: 120.4,
    serverP50Ms: 2.1,
    serverP95Ms: 12,
    waitP95Ms: 0,
    documentsPerCall: 1,
    errors: 0,
    refused: 0,
    ...parts,
  };
}

const CALL_SITES = Array.from({ length: 15 }, (_, index) => line({ callSite: `Place.number${index}` }));
const COLLECTIONS = Array.from({ length: 13 }, (_, index) =>
  line({ app: '', callSite: '', namespace: `shop.c${index}` }),
);

const VIEW: DemoView = {
  elapsedSeconds: 7.4,
  totalSeconds: 10,
  serverName: 'sandbox',
  isSandbox: true,
  isReachable: true,
  applications: [
    { name: 'shop', connections: 60 },
    { name: 'catalogue', connections: 60 },
    { name: 'report-job', connections: 30 },
  ],
  connectionsIn: 150,
  connectionsOut: 8,
  operations: 5684,
  operationsPerSecond: 812.3,
  errors: 1,
  refused: 1243,
  callSites: [line({ app: 'report-job', callSite: 'Reports.revenue', refused: 980 }), ...CALL_SITES],
  collections: COLLECTIONS,
  limits: [{ name: 'reports', mode: 'enforce', matched: 1400, allowed: 157, observed: 0, refused: 1243 }],
  addresses: [
    ['connect', 'mongodb://127.0.0.1:41234'],
    ['look at', 'http://127.0.0.1:41234/metrics  http://127.0.0.1:41234/api/v1/summary'],
  ],
};

describe('renderScreen', () => {
  it('fits terminals of every size, with colours and without', () => {
    for (const style of [STYLE, COLOURED]) {
      for (let columns = 1; columns <= 170; columns += 7) {
        for (let rows = 1; rows <= 70; rows += 3) {
          const lines = renderScreen(VIEW, { columns, rows }, style);
          assert.ok(lines.length <= rows, `${lines.length} lines on ${rows}`);
          for (const text of lines) assert.ok(stringWidth(text) <= columns, `${columns}: ${text}`);
        }
      }
    }
  });

  it('shows all that matters on 80 x 24', () => {
    const lines = renderScreen(VIEW, { columns: 80, rows: 24 }, STYLE);
    const text = lines.join('\n');
    assert.equal(lines[0], 'weir   150 connections in → 8 out   812 ops/s   1 error   1,243 refused');
    assert.equal(lines[1], '7 s of 10 · server: the sandbox, in memory, not a database · q ends');
    assert.match(text, /^call site +command +calls\/s +p50 +p95 +wait p95 +refused$/m);
    assert.match(text, /^Reports\.revenue +find +120 +2\.1ms +12ms +0 +980$/m);
    assert.match(text, /^shop\.c1 +find /m);
    assert.match(text, /^reports +1,400 +157 +1,243 +at most 20\/s, burst 10, for Reports\.\*$/m);
    assert.match(text, /http:\/\/127\.0\.0\.1:41234\/api\/v1\/summary$/);
    assert.equal(lines.length, 24);
  });

  it('shows every column on 160 and every row when there is room', () => {
    const text = renderScreen(VIEW, { columns: 160, rows: 60 }, STYLE).join('\n');
    for (const head of ['app', 'collection', 'calls', 'docs', 'errors'])
      assert.match(text, new RegExp(`\\b${head}\\b`));
    assert.doesNotMatch(text, /more$/m);
    assert.match(text, / {2}catalogue +60 connections ─┼─► weir ─► 8 connections ─► sandbox/);
  });

  it('draws one, two and many applications', () => {
    const picture = (count: number): readonly string[] => {
      const applications = Array.from({ length: count }, (_, index) => ({ name: `a${index}`, connections: index }));
      const lines = renderScreen({ ...VIEW, applications }, { columns: 80, rows: 50 }, STYLE);
      return lines.slice(3, lines.indexOf('', 3));
    };
    assert.match(picture(1).join('\n'), /^ {2}a0 +0 connections ───► weir/);
    assert.deepEqual(
      picture(2).map((text) => text[25]),
      ['┬', '┘'],
    );
    assert.deepEqual(
      picture(7).map((text) => text.split(' connections')[0]),
      ['  a6          6', '  a5          5', '  a4          4', '  others      6'],
    );
  });

  it('says when no server is reachable', () => {
    const lines = renderScreen({ ...VIEW, isReachable: false }, { columns: 80, rows: 24 }, STYLE);
    assert.match(lines[1] ?? '', /^no server is reachable/);
  });
});

describe('the line per second', () => {
  it('holds the figures', () => {
    assert.equal(
      renderSummaryLine(VIEW),
      '   7 s   150 connections in, 8 out   812 operations/s   1 error   1,243 refused',
    );
  });
});

describe('renderReport', () => {
  it('has every row, and fits its width', () => {
    for (const width of [60, 80, 120, 160]) {
      const lines = renderReport(VIEW, width, STYLE);
      for (const text of lines) assert.ok(stringWidth(text) <= width, text);
      for (const { callSite } of VIEW.callSites) assert.ok(lines.some((text) => text.startsWith(`${callSite} `)));
      for (const { namespace } of COLLECTIONS) assert.ok(lines.some((text) => text.startsWith(`${namespace} `)));
    }
    const [first] = renderReport(VIEW, 120, STYLE);
    assert.equal(first, 'weir demo: 5,684 operations in 7.4 s, 1 error, 1,243 refused');
  });
});

describe('wrapText', () => {
  it('breaks between words and cuts a word that is too long', () => {
    assert.deepEqual(wrapText('one two three fourteenletters', 9), ['one two', 'three', 'fourteen…']);
    assert.deepEqual(wrapText('', 9), ['']);
  });
});
