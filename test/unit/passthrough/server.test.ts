// The pass-through listener between real sockets, with a reader that a test may break in any place.
// Invariant: whatever the reader does, the echo comes back.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { encodeMessage, Frame, readCommand } from '../../../codecs/index.ts';
import type { Client } from '../../../src/core/client.ts';
import type { LogFields, Logger } from '../../../src/core/logger.ts';
import { Operation } from '../../../src/core/operation.ts';
import { Tally } from '../../../src/core/tally.ts';
import { Attribution } from '../../../src/filters/attribution.ts';
import { CallSites } from '../../../src/filters/call-sites.ts';
import { TcpConnector } from '../../../src/net/connector.ts';
import { TurnFlusher } from '../../../src/net/turn-flusher.ts';
import { type ConversationOpener, PassthroughServer } from '../../../src/passthrough/server.ts';
import { Target } from '../../../src/passthrough/target.ts';
import type { SnifferParts } from '../../../src/sniff/conversation.ts';
import { OperationTable } from '../../../src/stats/operation-table.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeConversation } from './fake-conversation.ts';

const POOL = { maxConnections: 1, maxConnecting: 1, waitQueueTimeoutMs: 1, maxWaiters: 1, awaitConnections: 1 };

class Lines implements Logger {
  readonly lines: string[] = [];
  debug(): void {}
  info(): void {}
  warn(_fields: LogFields, sentence: string): void {
    this.lines.push(sentence);
  }
  error(fields: LogFields, sentence: string): void {
    this.lines.push(`${sentence} ${String(fields['stack'])}`);
  }
}

let clock: FakeClock;
let upstream: Server;
let upstreamSockets: Socket[];
let target: Target;
let server: PassthroughServer;
let port: number;
let logger: Lines;
let conversations: FakeConversation[];
let faulty: Set<string>;
let sniffer: SnifferParts;
let clients: Socket[];

beforeEach(async () => {
  clock = new FakeClock();
  logger = new Lines();
  conversations = [];
  faulty = new Set();
  clients = [];
  upstreamSockets = [];
  upstream = createServer((socket) => {
    socket.on('error', () => {});
    upstreamSockets.push(socket);
    socket.pipe(socket);
  });
  upstream.listen({ host: '127.0.0.1', port: 0 });
  await once(upstream, 'listening');
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  const drained = server.drain(0);
  server.stop();
  target.stop();
  upstream.close();
  await drained;
});

async function start(options: { maxConnections?: number; idleTimeoutMs?: number } = {}): Promise<void> {
  const seeds = [{ host: '127.0.0.1', port: (upstream.address() as AddressInfo).port }];
  const flusher = new TurnFlusher(clock);
  target = new Target({
    options: { name: 'orders', seeds, replicaSet: null, pool: POOL },
    connector: new TcpConnector(clock, flusher, () => {}),
    clock,
    logger,
  });
  server = new PassthroughServer({
    name: 'main',
    bind: { host: '127.0.0.1', port: 0 },
    maxConnections: options.maxConnections ?? 10,
    idleTimeoutMs: options.idleTimeoutMs ?? null,
    target,
    attribution: new Attribution(new OperationTable({ maxRows: 10 }), new CallSites()),
    decodeErrors: new Tally(),
    makeSniffer: makeFakeSniffer,
    clock,
    logger,
  });
  port = (await server.start()).port;
}

function makeFakeSniffer(parts: SnifferParts): ConversationOpener {
  sniffer = parts;
  return {
    open: (connection) => {
      if (faulty.has('open')) throw new Error('planted in open');
      const conversation = new FakeConversation(connection, faulty);
      conversations.push(conversation);
      return conversation;
    },
  };
}

function dial(): Socket {
  const client = connect({ host: '127.0.0.1', port, noDelay: true });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

async function ask(client: Socket, text: string): Promise<string> {
  const chunks: Buffer[] = [];
  client.write(text);
  while (Buffer.concat(chunks).length < text.length) {
    const [chunk] = (await once(client, 'data')) as [Buffer];
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

async function closed(client: Socket): Promise<void> {
  client.resume();
  if (!client.closed) await new Promise((resolve) => client.once('close', resolve));
}

/** Until the proxy has noticed something that sockets do on their own. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'not in time');
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

const counts = (tally: Tally<string>): Record<string, number> => Object.fromEntries(tally.counts);

describe('reading along', { timeout: 30_000 }, () => {
  test('sees both directions and the end', async () => {
    await start();
    const client = dial();
    assert.equal(await ask(client, 'hello'), 'hello');
    const [conversation] = conversations;
    assert.deepEqual([conversation?.client, conversation?.server], ['hello', 'hello']);
    assert.deepEqual(conversation?.connection, {
      listener: 'main',
      address: '127.0.0.1',
      port: client.localPort,
      server: target.endpoint,
    });
    const [snapshot] = [...server.connections].map((connection) => connection.snapshot());
    assert.deepEqual(snapshot, {
      id: 1,
      listener: 'main',
      address: `127.0.0.1:${client.localPort ?? 0}`,
      app: 'shop',
      driver: 'test 1',
      connectedSeconds: 0,
      operations: 3,
      state: 'reading',
      bytesIn: 5,
      bytesOut: 5,
      current: null,
    });
    client.end();
    await closed(client);
    await until(() => server.connections.size === 0);
    assert.equal(conversation?.endedBy, 'client');
    assert.deepEqual(counts(server.closed), { client_closed: 1 });
    assert.deepEqual(counts(server.accepted), { served: 1 });
  });

  for (const place of ['open', 'clientBytes', 'serverBytes', 'end']) {
    test(`a fault planted in ${place} shows in one counter, and traffic runs on`, async () => {
      faulty.add(place);
      await start();
      const client = dial();
      assert.equal(await ask(client, 'one'), 'one');
      assert.equal(await ask(client, 'two'), 'two');
      client.end();
      await closed(client);
      await until(() => server.connections.size === 0 && server.sniffingEnded.counts.size > 0);
      assert.deepEqual(counts(server.sniffingEnded), { internal_error: 1 });
      assert.deepEqual(counts(server.closed), { client_closed: 1 });
      assert.equal(logger.lines.filter((line) => line.includes(`planted in ${place}`)).length, 1);
    });
  }

  test('a fault that every connection finds is logged once in 10 s, and counted each time', async () => {
    faulty.add('open');
    await start();
    for (let round = 0; round < 3; round++) assert.equal(await ask(dial(), 'x'), 'x');
    assert.deepEqual(counts(server.sniffingEnded), { internal_error: 3 });
    assert.equal(logger.lines.length, 1);
    clock.advance(10_000);
    assert.equal(await ask(dial(), 'x'), 'x');
    assert.equal(logger.lines.length, 2);
  });

  test('what cannot be read is said once per protocol', async () => {
    await start();
    await ask(dial(), 'x');
    const [conversation] = conversations;
    assert.ok(conversation !== undefined);
    for (const reason of ['tls', 'tls', 'http', 'http', 'lost_framing'] as const)
      sniffer.events?.onBlind?.(conversation, reason, null);
    assert.equal(logger.lines.length, 2);
    assert.match(logger.lines[0] ?? '', /TLS: it passes, and cannot be read/);
    assert.match(logger.lines[1] ?? '', /HTTP .* MongoDB port/);
  });
});

describe('a pass-through listener', { timeout: 30_000 }, () => {
  test('closes what is silent both ways, not what speaks', async () => {
    await start({ idleTimeoutMs: 60_000 });
    const silent = dial();
    const busy = dial();
    await ask(silent, 'x');
    await ask(busy, 'x');
    clock.advance(40_000);
    await ask(busy, 'y');
    clock.advance(20_000);
    await closed(silent);
    assert.equal(await ask(busy, 'z'), 'z');
    assert.deepEqual(counts(server.closed), { idle_timeout: 1 });
    clock.advance(59_999);
    assert.equal(server.connections.size, 1);
    clock.advance(1);
    await closed(busy);
    assert.equal(clock.timers, 0);
  });

  test('keeps silent connections without that timeout', async () => {
    await start();
    const client = dial();
    await ask(client, 'x');
    clock.advance(86_400_000);
    assert.equal(await ask(client, 'y'), 'y');
  });

  test('holds those beyond the cap unread, closes and counts them', async () => {
    await start({ maxConnections: 2 });
    const inside = [dial(), dial()];
    for (const client of inside) await ask(client, 'x');
    const outside = dial();
    outside.write('hello');
    await until(() => server.accepted.counts.get('over_limit') === 1);
    assert.equal(upstreamSockets.length, 2);
    assert.equal(outside.closed, false);
    clock.advance(1000);
    await closed(outside);
    assert.equal(outside.bytesRead, 0);
    inside[0]?.end();
    await until(() => server.connections.size === 1);
    assert.equal(await ask(dial(), 'next'), 'next');
    assert.deepEqual(counts(server.accepted), { served: 3, over_limit: 1 });
  });

  test('closes clients while the server is away, and says so once in 10 s', async () => {
    await start();
    upstream.close();
    await once(upstream, 'close');
    for (let round = 0; round < 3; round++) await closed(dial());
    assert.deepEqual(counts(server.closed), { connect_failed: 3 });
    const said = (): number => logger.lines.filter((line) => line.includes('clients that come are closed')).length;
    assert.equal(said(), 1);
    assert.deepEqual([target.connecting, target.connected, target.isUp], [0, 0, false]);
    clock.advance(10_000);
    await closed(dial());
    assert.equal(said(), 2);
    upstream = createServer();
  });

  test('drains: closes what is between two operations, waits for the rest, and ends that at the deadline', async () => {
    await start();
    const idle = dial();
    const asking = dial();
    await ask(idle, 'x');
    await ask(asking, 'x');
    const [, pending] = conversations;
    assert.ok(pending !== undefined);
    pending.pending = 1;
    const deadlineMs = clock.nowMs() + 5000;
    const drained = server.drain(deadlineMs);
    clock.advance(50);
    assert.equal(server.connections.size, 2, 'not silent for long enough');
    await settle();
    clock.advance(50);
    await settle();
    clock.advance(50);
    await closed(idle);
    assert.equal(await ask(asking, 'goes on'), 'goes on');
    await advanceTo(deadlineMs);
    await drained;
    await closed(asking);
    assert.deepEqual(counts(server.closed), { drained: 1, drain_deadline: 1 });
    await assert.rejects(once(connect({ host: '127.0.0.1', port }), 'connect'));
  });

  test('drains a monitor that waits for news, not a query', async () => {
    await start();
    const monitor = dial();
    const query = dial();
    await ask(monitor, 'x');
    await ask(query, 'x');
    for (const [index, name] of ['hello', 'find'].entries()) {
      const conversation = conversations[index];
      assert.ok(conversation !== undefined);
      conversation.pending = 1;
      const command = readCommand(Frame.of(encodeMessage({ [name]: 'a', $db: 'shop' }, 1, 0)));
      const client = { id: conversation.id } as Client;
      assert.equal(sniffer.admits?.(new Operation(client, command, 0, { onFinish: () => {} })), true);
    }
    const drained = server.drain(clock.nowMs() + 1000);
    await advanceTo(clock.nowMs() + 900);
    assert.deepEqual(counts(server.closed), { drained: 1 });
    assert.equal(await ask(query, 'y'), 'y');
    await advanceTo(clock.nowMs() + 200);
    await drained;
  });

  test('drains what it cannot read when the server had the last word', async () => {
    await start();
    const client = dial();
    await ask(client, 'x');
    const [conversation] = conversations;
    assert.ok(conversation !== undefined);
    conversation.state = 'blind';
    const drained = server.drain(clock.nowMs() + 5000);
    await advanceTo(clock.nowMs() + 200);
    await drained;
    assert.deepEqual(counts(server.closed), { drained: 1 });
  });

  test('stops at once', async () => {
    await start();
    const client = dial();
    await ask(client, 'x');
    server.stop();
    await closed(client);
    assert.deepEqual(counts(server.closed), { stopped: 1 });
    const { busy, closed: reasons, maxConnections } = target.snapshot();
    assert.deepEqual({ busy, reasons, maxConnections }, { busy: 0, reasons: { stopped: 1 }, maxConnections: 10 });
  });
});

/** Lets promises go on. */
async function settle(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function advanceTo(atMs: number): Promise<void> {
  while (clock.nowMs() < atMs) {
    clock.advance(50);
    await settle();
  }
}
