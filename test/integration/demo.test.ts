// The demo as users start it: the whole of it in this process until it shows what it is there to show, and as a process
// of its own for its exit codes. Waits for what is printed, never for a time.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { play } from '../../src/demo/demo.ts';
import { createPaint } from '../../src/demo/terminal.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const TIMEOUT_MS = 60_000;

/** Every call site, so each of the four notations. */
const CALL_SITES = [
  'Cart.show',
  'Cart.addItem',
  'Checkout.place',
  'Orders.history',
  'product#show',
  'product#search',
  'Stock.reserve',
  'Views.flush',
  'Reviews.summary',
  'Reports.revenue',
  'Reports.products',
  'Job.noteProgress',
];

interface Played {
  readonly end: string;
  readonly lines: readonly string[];
}

/** Plays without a screen until a line matches. */
async function playUntil(wanted: RegExp, upstream: { readonly port: number } | null): Promise<Played> {
  const lines: string[] = [];
  let isSeen = (): void => {};
  const ended = new Promise<void>((resolve) => {
    isSeen = resolve;
  });
  const end = await play({
    seconds: null,
    upstream: upstream && { seeds: [{ host: '127.0.0.1', port: upstream.port }], replicaSet: null },
    ended,
    out: (line) => {
      lines.push(line);
      if (wanted.test(line)) isSeen();
    },
    streams: null,
    width: () => 140,
    paint: createPaint(false),
  });
  return { end, lines };
}

/** The other side hears of a closed socket a little later. */
async function untilZero(read: () => number): Promise<void> {
  const deadline = performance.now() + 5000;
  while (read() > 0) {
    assert.ok(performance.now() < deadline, `${read()} are left`);
    await nextTurn();
  }
}

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', MAIN, 'demo', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function exitCode(child: ChildProcess): Promise<unknown> {
  const closed: unknown[] = await once(child, 'close');
  return closed[0];
}

describe('the demo', { timeout: TIMEOUT_MS }, () => {
  it('puts 150 connections on 8, names every call site and refuses the report job', async () => {
    const { end, lines } = await playUntil(
      /^ *(?:[5-9]|\d\d) s {3}150 connections in, 8 out .* [1-9]\d* refused$/,
      null,
    );
    const text = lines.join('\n');
    assert.equal(end, 'signal');
    assert.match(text, /shop +60 connections ─/);
    assert.match(text, /catalogue +60 connections ─┼─► weir ─► 8 connections ─► sandbox/);
    assert.match(text, /report-job +30 connections ─/);
    for (const callSite of CALL_SITES) assert.match(text, new RegExp(`^${callSite} `, 'm'));
    assert.doesNotMatch(text, /traceparent|httpUniqueId|callingFunction/);
    assert.doesNotMatch(text, /requests failed/);
    const refused = lines.filter(
      (line) => / [1-9][\d,]*$/.test(line) && /^\S+ +(?:shop|catalogue|report-job) /.test(line),
    );
    assert.ok(refused.length > 0, text);
    for (const line of refused) assert.match(line, /^Reports\./);
    assert.match(text, /^reports +[\d,]+ +[\d,]+ +[1-9][\d,]* +at most 20\/s, burst 10, for Reports\.\*$/m);
    assert.match(text, /not a database/);
  });

  it('leaves nothing on a real server', async () => {
    const server = await startSandbox();
    try {
      const { lines } = await playUntil(/ s {3}.* [1-9]\d* operations\/s /, server);
      assert.match(lines.join('\n'), /^weir_demo_shop\.orders /m);
      const drops = server.stats().operations.get('dropDatabase');
      assert.equal(drops, 4, 'both databases, before and after');
      await untilZero(() => server.stats().connections);
    } finally {
      await server.stop();
    }
  });

  it('ends by itself with 0 and the tables', async () => {
    const child = start(['--seconds', '2']);
    const lines: string[] = [];
    if (child.stdout === null) throw new Error('no output');
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    const code = await exitCode(child);
    assert.equal(code, 0, lines.join('\n'));
    assert.match(lines.join('\n'), /^weir demo: [\d,]+ operations in \d+\.\d s, /m);
  });

  it('ends with 130 after an interrupt, with the tables too', async () => {
    const child = start([]);
    const lines: string[] = [];
    if (child.stdout === null) throw new Error('no output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      if (/ 1 s /.test(line)) child.kill('SIGINT');
    });
    const code = await exitCode(child);
    assert.equal(code, 130, lines.join('\n'));
    assert.match(lines.join('\n'), /^limit +matched +allowed +refused/m);
  });

  it('says in one line that no server answered', async () => {
    const child = start(['--upstream', 'mongodb://127.0.0.1:1']);
    const errors: string[] = [];
    if (child.stderr === null) throw new Error('no output');
    createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
    const code = await exitCode(child);
    assert.equal(code, 2);
    assert.deepEqual(errors, [
      'weir: no server answered at --upstream; start it, correct the address, or leave --upstream out',
    ]);
  });
});
