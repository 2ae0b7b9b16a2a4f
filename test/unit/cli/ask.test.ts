// `weir pause|resume|reconnect|drain|kill` against an HTTP server that answers as told: what is sent, what is printed,
// how it fails. Invariant tested: nothing is claimed that the proxy did not say.

import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { run } from '../../../src/cli/program.ts';
import { recordedIo } from './recorded-io.ts';

interface Asked {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let server: Server;
let admin: string;
const asked: Asked[] = [];
let status = 200;
let answer: unknown;

before(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      asked.push({ path: `${request.method} ${request.url}`, headers: request.headers, body });
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  admin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(() => {
  asked.length = 0;
  status = 200;
});

async function weir(line: string): Promise<{ code: number; out: string; err: string }> {
  const io = recordedIo();
  const code = await run([...line.split(' '), '--admin', admin], io);
  return { code, out: io.outLines.join('\n'), err: io.errLines.join('\n') };
}

const CLUSTER = { cluster: 'main', isPaused: true, waiters: 1, connections: 8 };

const cases: readonly (readonly [line: string, path: string, body: unknown, result: unknown, out: string])[] = [
  ['pause', 'pause', {}, [CLUSTER], 'main: paused, 1 operation held; weir resume lets them go on'],
  ['resume --cluster main', 'resume', { cluster: 'main' }, [CLUSTER], 'main: goes on'],
  [
    'reconnect',
    'reconnect',
    {},
    [CLUSTER, { ...CLUSTER, cluster: 'b', connections: 1 }],
    'main: its connections are renewed, 8 connections now\nb: its connections are renewed, 1 connection now',
  ],
  [
    'drain --timeout 30s',
    'drain',
    { timeoutMs: 30_000 },
    { clients: 150, leftMs: 29_900 },
    'draining: 150 client connections, closed in 30 s at the latest; then weir ends',
  ],
  [
    'drain --timeout 0s',
    'drain',
    { timeoutMs: 0 },
    { clients: 1, leftMs: 0 },
    'draining: 1 client connection, closed in 0 s at the latest; then weir ends',
  ],
  [
    'kill client 7',
    'kill',
    { client: 7 },
    { client: 7, address: '127.0.0.1:5', app: 'a\u001b[2J' },
    'client 7 (a\u{fffd}[2J, 127.0.0.1:5) is closed',
  ],
  [
    'kill operation 7.12',
    'kill',
    { operation: '7.12' },
    { operation: '7.12', command: 'find', namespace: 'shop.orders', how: 'left_queue' },
    'operation 7.12 (find shop.orders) left the queue and was never sent; its client got error 11601',
  ],
  [
    'kill operation 7.12',
    'kill',
    { operation: '7.12' },
    { operation: '7.12', command: 'find', namespace: 'shop.orders', how: 'answered' },
    'operation 7.12 (find shop.orders): its client got error 11601, and what the server still answers is dropped',
  ],
];

describe('a verb', () => {
  for (const [line, verb, body, result, out] of cases) {
    it(`${line}: ${out.slice(0, 40)}`, async () => {
      answer = { verb, result };
      assert.deepEqual(await weir(line), { code: 0, out, err: '' });
      const [request] = asked;
      assert.deepEqual([request?.path, JSON.parse(request?.body ?? '')], [`POST /api/v1/${verb}`, body]);
      assert.deepEqual([request?.headers['x-weir'], request?.headers['content-type']], ['1', 'application/json']);
    });
  }

  it('prints the JSON', async () => {
    answer = { verb: 'pause', result: [CLUSTER] };
    const { code, out } = await weir('pause --json');
    assert.deepEqual([code, JSON.parse(out)], [0, [CLUSTER]]);
  });
});

describe('a verb that fails ends with 1', () => {
  it("says the proxy's sentence, cleaned", async () => {
    answer = { error: 'there is no client 7;\u001b[2J weir show clients lists them' };
    for (status of [400, 403, 404, 409]) {
      const err = 'weir: there is no client 7;\u{fffd}[2J weir show clients lists them';
      assert.deepEqual(await weir('kill client 7'), { code: 1, out: '', err });
    }
  });

  it("does not take a stranger's answer", async () => {
    for (const [code, text] of [
      [200, '<html>'],
      [200, {}],
      [200, null],
      [500, 'x'],
      [404, { message: 'x' }],
    ] as const) {
      status = code;
      answer = text;
      const said = await weir('pause');
      assert.deepEqual([said.code, said.out], [1, '']);
      assert.match(said.err, new RegExp(`^weir: what answers at ${admin} \\(HTTP ${code}\\) is not this weir's API`));
    }
  });

  it('says so when nobody answers', async () => {
    const io = recordedIo();
    assert.equal(await run(['pause', '--admin', '127.0.0.1:1'], io), 1);
    assert.deepEqual(io.errLines, [
      'weir: no weir answers at 127.0.0.1:1; start one, or give its admin address with --admin',
    ]);
  });

  for (const [line, sentence] of [
    ['kill client x', /a client has an id such as 7, found 'x'/],
    ['kill client 0', /a client has an id such as 7/],
    ['drain --timeout soon', /--timeout: /],
    ['drain --timeout -1s', /--timeout: /],
  ] as const) {
    it(`asks nobody for ${line}`, async () => {
      const { code, err } = await weir(line);
      assert.deepEqual([code, asked.length], [1, 0]);
      assert.match(err, sentence);
    });
  }
});
