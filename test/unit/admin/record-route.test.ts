// GET /api/v1/record over a real socket: what it refuses, what it streams, how it ends.
// Does not record connections (recording/recorder does). Invariant: a recording never outlives its reader.

import assert from 'node:assert/strict';
import { get, type IncomingMessage, request } from 'node:http';
import { afterEach, describe, test } from 'node:test';
import { encodeMessage } from '../../../codecs/index.ts';
import { type AdminServer, startAdmin } from '../../../src/admin/server.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { readRecording } from '../../../src/recording/reader.ts';
import { Recorder } from '../../../src/recording/recorder.ts';
import { OperationTable } from '../../../src/stats/operation-table.ts';
import { eventually } from '../../integration/harness/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeSnapshots } from '../stats/fake-snapshots.ts';

const clock = new FakeClock();
const recorder = new Recorder(clock, 'weir 0');
let server: AdminServer | null = null;

async function start(host = '127.0.0.1'): Promise<AdminServer> {
  server = await startAdmin({
    host,
    port: 0,
    snapshots: fakeSnapshots(),
    table: new OperationTable({ maxRows: 10 }),
    metrics: { render: () => Promise.resolve(Buffer.from('')) },
    isReady: () => true,
    logger: silentLogger,
    recorder,
  });
  return server;
}

afterEach(async () => {
  recorder.stop();
  await server?.stop();
});

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask({ port }: AdminServer, query: string, options: Asked = {}): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    const path = `/api/v1/record${query}`;
    const asked = request({ host: '127.0.0.1', port, path, agent: false, ...options }, resolve);
    asked.on('error', reject);
    asked.end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of response.setEncoding('latin1')) text += String(piece);
  return text;
}

test('streams a recording and ends it after its seconds', async () => {
  const response = await ask(await start(), '?seconds=2');
  assert.deepEqual([response.statusCode, recorder.isRecording], [200, true]);
  const client = { listener: 'main', remoteAddress: '10.0.0.1', remotePort: 1 };
  recorder.tap(client)?.fromClient(encodeMessage({ ping: 1, $db: 'admin' }, 1, 0));
  clock.advance(2000);
  const text = await textOf(response);
  assert.match(text, /# ended: seconds, 1 connections/);
  assert.deepEqual(
    [...readRecording(text)].map(({ kind }) => kind),
    ['header', 'open', 'chunk'],
  );
});

test('a reader that goes away ends it', async () => {
  const response = await ask(await start(), '');
  assert.equal(recorder.isRecording, true);
  response.destroy();
  await eventually('the recording ends', () => !recorder.isRecording);
});

test('a reader that reads nothing ends it once too much waits', async () => {
  const response = await ask(await start(), '?seconds=600');
  response.pause();
  const client = { listener: 'main', remoteAddress: '10.0.0.1', remotePort: 1 };
  const message = encodeMessage({ ping: 1, $db: 'x'.repeat(60), names: Array.from({ length: 20_000 }, String) }, 1, 0);
  let sent = 0;
  for (; recorder.isRecording && sent < 200; sent++) recorder.tap(client)?.fromClient(message);
  assert.ok(!recorder.isRecording, 'more than it may hold');
  const text = await textOf(response);
  assert.match(text.slice(-100), /# ended: slow_reader/);
  assert.ok(text.length < 12_000_000);
});

test('one at a time', async () => {
  const admin = await start();
  const first = await ask(admin, '');
  const second = await ask(admin, '');
  assert.equal(second.statusCode, 409);
  assert.match(await textOf(second), /another recording runs/);
  first.destroy();
});

describe('refused', () => {
  const cases: readonly (readonly [string, string, number, Asked])[] = [
    ['no seconds', '?seconds=0', 400, {}],
    ['too many seconds', '?seconds=601', 400, {}],
    ['seconds that are no number', '?seconds=1e2', 400, {}],
    ['no connections', '?connections=0', 400, {}],
    ['too many connections', '?connections=101', 400, {}],
    ['an empty client', '?client=', 400, {}],
    ['raw that is neither', '?raw=yes', 400, {}],
    ['an unknown word', '?second=1', 400, {}],
    ['a page of another site', '', 403, { headers: { 'sec-fetch-site': 'cross-site' } }],
    ['HEAD', '', 405, { method: 'HEAD' }],
    ['POST', '', 405, { method: 'POST' }],
  ];
  for (const [name, query, status, options] of cases) {
    test(name, async () => {
      const response = await ask(await start(), query, options);
      response.resume();
      assert.deepEqual([response.statusCode, recorder.isRecording], [status, false]);
    });
  }

  test('raw values on an address that others reach', async () => {
    const response = await ask(await start('0.0.0.0'), '?raw=1');
    assert.equal(response.statusCode, 403);
    assert.match(await textOf(response), /loopback/);
  });
});

test('raw values on loopback are recorded as such', async () => {
  const response = await ask(await start(), '?raw=1&seconds=1');
  clock.advance(1000);
  assert.match(await textOf(response), /^# values: raw$/m);
});

test('the list of addresses names it', async () => {
  const { port } = await start();
  const response = await new Promise<IncomingMessage>((resolve) => get({ host: '127.0.0.1', port }, resolve));
  assert.match(await textOf(response), /\/api\/v1\/record/);
});
