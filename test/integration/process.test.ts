// `weir start` as a process of its own: how it begins, what it says when it cannot, how it ends. Runs the sources, so that
// nothing has to be built. Invariant: every child is ended by the test that started it.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { emptyCursor, RawServer } from '../support/raw-server.ts';
import { eventually, within } from './harness/eventually.ts';
import { RawClient } from './harness/raw-client.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FIND = { find: 'orders', filter: {} };

class Child {
  readonly process: ChildProcess;
  readonly startedMs: number = performance.now();
  out = '';
  err = '';
  readonly #exit: Promise<readonly unknown[]>;

  constructor(...args: readonly string[]) {
    this.process = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stdout?.on('data', (text: Buffer) => {
      this.out += text.toString();
    });
    this.process.stderr?.on('data', (text: Buffer) => {
      this.err += text.toString();
    });
    this.#exit = once(this.process, 'close');
    children.push(this);
  }

  get isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Its exit code, or the signal that ended it. */
  async exit(): Promise<unknown> {
    const [code, signal] = await within('the child ends', this.#exit);
    return code ?? signal;
  }

  /** The port for applications, once it listens. */
  async port(): Promise<number> {
    let port = 0;
    await eventually('the child listens', () => {
      if (!this.isRunning) throw new Error(`ended: ${this.err}`);
      port = Number(/listening on mongodb:\/\/127\.0\.0\.1:(\d+)/.exec(this.out + this.err)?.[1] ?? 0);
      return port > 0;
    });
    return port;
  }

  async end(): Promise<void> {
    if (!this.isRunning) return;
    this.process.kill('SIGKILL');
    await this.#exit;
  }
}

const children: Child[] = [];
const clients: RawClient[] = [];
let server: RawServer;
let folder: string;

beforeEach(async () => {
  server = new RawServer();
  server.script = (request) => request.reply(emptyCursor());
  await server.start();
  folder = await mkdtemp(join(tmpdir(), 'weir-process-'));
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const child of children.splice(0)) await child.end();
  await server.stop();
  await rm(folder, { recursive: true });
});

function start(...more: readonly string[]): Child {
  const upstream = `mongodb://127.0.0.1:${server.port}`;
  return new Child('start', '--listen', '127.0.0.1:0', '--admin', 'off', '--upstream', upstream, ...more);
}

async function open(port: number, app = 'process'): Promise<RawClient> {
  const client = await RawClient.connect(port);
  clients.push(client);
  await client.hello(app);
  return client;
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

describe('weir start', () => {
  test('listens, serves, and on SIGTERM closes idle clients and exits with 0', async (context) => {
    const child = start();
    const port = await child.port();
    context.diagnostic(`start to listening: ${Math.round(performance.now() - child.startedMs)} ms, compiling included`);
    const client = await open(port);
    assert.equal((await client.ask(FIND))['ok'], 1);
    child.process.kill('SIGTERM');
    await client.closed();
    assert.equal(await child.exit(), 0);
    assert.equal(child.err, '');
  });

  test('weir drain ends it in order and with 0; weir show and weir kill speak to it before', async () => {
    const child = start('--admin', '127.0.0.1:0');
    const client = await open(await child.port());
    const admin = /metrics at http:\/\/([\d.:]+)\//.exec(child.out + child.err)?.[1] ?? '';
    const show = new Child('show', 'clients', '--admin', admin);
    assert.equal(await show.exit(), 0);
    assert.match(show.out, /│ +1 │ process │ 127\.0\.0\.1:/);
    const kill = new Child('kill', 'client', '9', '--admin', admin);
    assert.deepEqual([await kill.exit(), kill.err], [1, 'weir: there is no client 9; weir show clients lists them\n']);
    const drain = new Child('drain', '--timeout', '20s', '--admin', admin);
    assert.equal(await drain.exit(), 0);
    assert.equal(drain.out, 'draining: 1 client connection, closed in 20 s at the latest; then weir ends\n');
    await client.closed();
    assert.equal(await child.exit(), 0);
    assert.match(child.out + child.err, /obeyed: drain/);
  });

  test('on SIGTERM lets a running operation finish', async () => {
    let answer = (): void => {};
    server.script = (request) => {
      answer = () => request.reply(emptyCursor());
    };
    const child = start();
    const [busy, idle] = await Promise.all([
      child.port().then((port) => open(port, 'busy')),
      child.port().then((port) => open(port)),
    ]);
    const asked = busy.ask(FIND);
    await eventually('it runs', () => server.requests.length === 1);
    child.process.kill('SIGTERM');
    await idle.closed();
    assert.ok(child.isRunning);
    answer();
    assert.equal((await asked)['ok'], 1);
    assert.equal(await child.exit(), 0);
  });

  test('on SIGTERM an answer that its client has not read yet arrives whole', async () => {
    // More than the buffers of both kernels' sockets take.
    const text = 'x'.repeat(15_000_000);
    server.script = (request) => request.reply({ cursor: { firstBatch: [{ text }], id: 0, ns: 'shop.orders' } });
    const child = start();
    const client = await open(await child.port());
    client.socket.pause();
    client.say(FIND);
    // Weir takes what it may hold for a client that does not read, and leaves the rest to the server.
    await eventually(
      'the answer is on its way',
      () => (server.poolConnections[0]?.socket.bytesWritten ?? 0) > 2_000_000,
    );
    child.process.kill('SIGTERM');
    await eventually('the drain begins', () => /draining/.test(child.out + child.err));
    // A process that does not wait for its client is gone soon; one that waits is seen running for a while.
    const beganMs = performance.now();
    await eventually('it ended or waits', () => !child.isRunning || performance.now() - beganMs > 1000);
    client.socket.resume();
    const reply = await client.next();
    assert.notEqual(reply, null, `only ${client.bytesRead} bytes arrived`);
    assert.equal(await child.exit(), 0);
  });

  test('a second signal ends it at once', async () => {
    server.script = () => {};
    const child = start();
    const client = await open(await child.port());
    client.say(FIND);
    await eventually('it runs', () => server.requests.length === 1);
    child.process.kill('SIGTERM');
    await eventually('the drain begins', () => /draining/.test(child.out + child.err));
    child.process.kill('SIGTERM');
    assert.equal(await child.exit(), 143);
  });

  test('with a port that is taken: exit 2 and one line that says what to do', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const child = new Child('start', '--listen', `127.0.0.1:${port}`, '--admin', 'off');
    assert.equal(await child.exit(), 2);
    assert.deepEqual(linesOf(child.err).length, 1);
    assert.match(
      child.err,
      new RegExp(`^weir: cannot listen on 127\\.0\\.0\\.1:${port}: the port is taken.*--listen$`, 'm'),
    );
    other.close();
  });

  test('with a bad config: exit 1 and the place of each mistake', async () => {
    const file = join(folder, 'weir.yaml');
    await writeFile(file, 'listeners:\n  - name: main\n    bnd: 127.0.0.1:0\n    cluster: orders\n');
    for (const args of [
      ['start', '--config', file],
      ['check', file],
    ]) {
      const child = new Child(...args);
      assert.equal(await child.exit(), 1);
      const lines = linesOf(child.err + child.out);
      assert.ok(
        lines.some((line) => line === `${file}:3:5: unknown key "bnd", did you mean "bind"?`),
        lines.join('\n'),
      );
    }
  });

  test('without a server and with --require-upstream: exit 2 and one line; without it, it serves', async () => {
    await server.stop();
    const child = start('--require-upstream');
    const patient = start();
    await patient.port();
    assert.equal(await child.exit(), 2);
    assert.match(
      linesOf(child.err).at(-1) ?? '',
      /^weir: no server answered at 127\.0\.0\.1:\d+ \(ECONNREFUSED\); start it/,
    );
    await server.start();
    const client = await open(await patient.port());
    assert.equal((await client.ask(FIND))['ok'], 1);
  });

  test('a password in the URI is never shown, whatever becomes of it', async () => {
    await server.stop();
    for (const uri of ['mongodb://ann:s3cret@127.0.0.1:1/?authMechanism=PLAIN', 'mongodb://ann:s3cret@127.0.0.1:1/']) {
      const addresses = ['--listen', '127.0.0.1:0', '--admin', 'off', '--upstream', uri];
      const child = new Child('start', ...addresses, '--require-upstream');
      assert.equal(await child.exit(), 2);
      assert.match(linesOf(child.err).at(-1) ?? '', /^weir: /);
      assert.doesNotMatch(child.err + child.out, /s3cret/);
    }
  });
});
