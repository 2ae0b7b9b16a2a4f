// The running sandbox on bare sockets: order, knobs, freeze, stop. Real drivers are in test/integration.
// Invariant under test: a message is answered once or never, and never before its predecessor.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Doc } from '../../../src/sandbox/documents.ts';
import { ObjectId } from '../../../src/sandbox/documents.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { opMsg, RawClient } from './raw-client.ts';

const turn = async (): Promise<void> => {
  await new Promise((resolve) => setImmediate(resolve));
};

/** Lets the loop turn often enough for loopback bytes to arrive: only for what must not happen. */
async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) await turn();
}

async function start(t: TestContext, options: SandboxOptions = {}): Promise<{ sandbox: Sandbox; client: RawClient }> {
  const sandbox = await startSandbox(options);
  t.after(async () => {
    await sandbox.stop();
  });
  return { sandbox, client: await RawClient.open(sandbox.port) };
}

/** Sends commands with ids from 1 up and gives back what came for each. */
async function ask(client: RawClient, ...commands: readonly Doc[]): Promise<Doc[]> {
  const before = client.replies.length;
  for (const [index, command] of commands.entries()) client.send(before + index + 1, command);
  const replies = await client.has(before + commands.length);
  return replies.slice(before).map((reply) => reply.document);
}

test('hello is answered in the opcode it was asked in', async (t) => {
  const { client } = await start(t);
  client.sendQuery(1, { ismaster: 1, helloOk: true });
  client.send(2, { hello: 1, $db: 'admin' });
  client.sendQuery(3, { find: 'c' });
  client.sendQuery(4, {}, 'shop.items');
  const replies = await client.has(4);
  assert.deepEqual(
    replies.map((reply) => [reply.responseTo, reply.opcode]),
    [
      [1, 1],
      [2, 2013],
      [3, 1],
      [4, 1],
    ],
  );
  assert.equal(replies[0]?.document['ismaster'], true);
  assert.equal(replies[1]?.document['isWritablePrimary'], true);
  assert.equal(replies[2]?.document['code'], 352);
  assert.equal(replies[3]?.document['code'], 5_739_101);
});

test('pipelined requests are answered in order, w:0 writes not at all', async (t) => {
  const { client, sandbox } = await start(t);
  const messages = [1, 2, 3, 4].map((id) => opMsg(id, { insert: 'c', documents: [{ _id: id }] }, id === 2 ? 2 : 0));
  client.socket.write(Buffer.concat([...messages, opMsg(5, { count: 'c' })]));
  const replies = await client.has(4);
  assert.deepEqual(
    replies.map((reply) => reply.responseTo),
    [1, 3, 4, 5],
  );
  assert.equal(replies[3]?.document['n'], 4);
  assert.deepEqual(
    [...sandbox.stats().operations],
    [
      ['insert', 4],
      ['count', 1],
    ],
  );
});

test('thousands of requests in one write are all answered', async (t) => {
  const { client } = await start(t);
  await ask(client, { insert: 'c', documents: [{ _id: 1, text: 'x'.repeat(5000) }] });
  client.socket.write(
    Buffer.concat(Array.from({ length: 3000 }, (_, id) => opMsg(id, { find: 'c', filter: { _id: 1 } }))),
  );
  const replies = await client.has(3001);
  assert.deepEqual(
    replies.slice(1).map((reply) => reply.responseTo),
    Array.from({ length: 3000 }, (_, id) => id),
  );
});

test('bytes that are no message close this connection and no other', async (t) => {
  const { sandbox, client } = await start(t);
  const bad = await RawClient.open(sandbox.port);
  bad.socket.write(Buffer.alloc(16));
  await bad.closed;
  assert.equal((await ask(client, { ping: 1 })).length, 1);
});

test('a body that is no BSON is answered with 22 and the connection goes on', async (t) => {
  const { client } = await start(t);
  const broken = opMsg(1, { ping: 1 });
  broken.writeUInt8(0x77, 25);
  client.socket.write(broken);
  const [first] = await client.has(1);
  assert.equal(first?.document['code'], 22);
  const [second] = await ask(client, { ping: 1 });
  assert.equal(second?.['ok'], 1);
});

test('latency delays a command, and maxTimeMS cuts it', async (t) => {
  const clock = new FakeClock();
  const { client, sandbox } = await start(t, { clock, knobs: { latencyMs: 50 } });
  client.send(1, { count: 'c' });
  client.send(2, { ping: 1 });
  await timersOf(clock, 1);
  clock.advance(49);
  assert.equal(client.replies.length, 0);
  clock.advance(1);
  assert.deepEqual(
    (await client.has(2)).map((reply) => reply.responseTo),
    [1, 2],
  );
  client.send(3, { count: 'c', maxTimeMS: 20 });
  await timersOf(clock, 1);
  clock.advance(20);
  assert.equal((await client.has(3))[2]?.document['code'], 50);
  sandbox.knobs.latencyMs = 0;
  assert.equal((await ask(client, { count: 'c' }))[0]?.['n'], 0);
});

/** Resolves when the sandbox has set that many timers. */
async function timersOf(clock: FakeClock, count: number): Promise<void> {
  while (clock.timers < count) await turn();
}

test('a hello that knows this process waits for its await time', async (t) => {
  const clock = new FakeClock();
  const { client } = await start(t, { clock });
  const [hello] = await ask(client, { hello: 1, $db: 'admin' });
  client.send(2, { hello: 1, $db: 'admin', topologyVersion: hello?.['topologyVersion'], maxAwaitTimeMS: 1000 });
  await timersOf(clock, 1);
  clock.advance(999);
  assert.equal(client.replies.length, 1);
  clock.advance(1);
  await client.has(2);
  const other = { processId: new ObjectId(), counter: 0 };
  await ask(client, { hello: 1, $db: 'admin', topologyVersion: other, maxAwaitTimeMS: 1000 });
});

test('a hello with exhaustAllowed is streamed, each reply an answer to the one before', async (t) => {
  const clock = new FakeClock();
  const { client } = await start(t, { clock });
  const [hello] = await ask(client, { hello: 1, $db: 'admin' });
  const topologyVersion = hello?.['topologyVersion'];
  client.send(77, { hello: 1, $db: 'admin', topologyVersion, maxAwaitTimeMS: 1000 }, 0x10000);
  for (const count of [2, 3, 4]) {
    await timersOf(clock, 1);
    clock.advance(1000);
    await client.has(count);
  }
  const [, first, second, third] = client.replies;
  assert.deepEqual([first?.responseTo, second?.responseTo, third?.responseTo], [77, first?.id, second?.id]);
  assert.ok([first, second, third].every((reply) => reply?.flags === 2 && reply.document['ok'] === 1));
});

test('scripted failures: a code with labels, a closed connection', async (t) => {
  const { client, sandbox } = await start(t);
  sandbox.knobs.failCommands.push({ command: 'insert', times: 1, code: 91, errorLabels: ['RetryableWriteError'] });
  const insert = { insert: 'c', documents: [{ _id: 1 }] };
  const [failed, passed] = await ask(client, insert, insert);
  assert.deepEqual(
    [failed?.['ok'], failed?.['code'], failed?.['codeName'], failed?.['errorLabels']],
    [0, 91, 'ShutdownInProgress', ['RetryableWriteError']],
  );
  assert.equal(passed?.['n'], 1);
  sandbox.knobs.failCommands.push({ command: 'insert', times: 1, code: 0, closeConnection: true });
  client.send(9, insert);
  await client.closed;
  assert.equal(client.replies.length, 2);
});

test('the hook may answer, close, hang, or look on', async (t) => {
  const seen: string[] = [];
  const { client, sandbox } = await start(t, {
    knobs: {
      onCommand: (command) => {
        seen.push(Object.keys(command)[0] ?? '');
        if ('ping' in command) return { ok: 1, scripted: true };
        if ('count' in command) return 'hang';
        return 'drop' in command ? 'close' : undefined;
      },
    },
  });
  const [ping, find] = await ask(client, { ping: 1 }, { find: 'c' });
  assert.equal(ping?.['scripted'], true);
  assert.equal(find?.['ok'], 1);
  const hanging = await RawClient.open(sandbox.port);
  hanging.send(1, { count: 'c' });
  hanging.send(2, { find: 'c' });
  while (!seen.includes('count')) await turn();
  client.send(3, { drop: 'c' });
  await client.closed;
  assert.deepEqual(hanging.replies, []);
  assert.deepEqual(seen, ['ping', 'find', 'count', 'drop']);
});

test('frozen it answers nothing, thawed everything', async (t) => {
  const { client, sandbox } = await start(t);
  sandbox.freeze();
  client.send(1, { ping: 1 });
  const late = await RawClient.open(sandbox.port);
  late.sendQuery(1, { hello: 1 });
  await turns(50);
  assert.deepEqual([client.replies, late.replies], [[], []]);
  sandbox.thaw();
  await client.has(1);
  await late.has(1);
});

test('a command whose latency ends while frozen waits for the thaw', async (t) => {
  const clock = new FakeClock();
  const { client, sandbox } = await start(t, { clock, knobs: { latencyMs: 10 } });
  client.send(1, { insert: 'c', documents: [{}] });
  await timersOf(clock, 1);
  sandbox.freeze();
  clock.advance(10);
  await turns(50);
  assert.deepEqual(client.replies, []);
  sandbox.thaw();
  assert.equal((await client.has(1))[0]?.document['n'], 1);
});

test('killed connections are gone, new ones are served, the peak is remembered', async (t) => {
  const { client, sandbox } = await start(t);
  const second = await RawClient.open(sandbox.port);
  await ask(second, { ping: 1 });
  await ask(client, { ping: 1 });
  assert.equal(sandbox.killConnections(), 2);
  await Promise.all([client.closed, second.closed]);
  const third = await RawClient.open(sandbox.port);
  await ask(third, { ping: 1 });
  const { connections, peakConnections, accepted } = sandbox.stats();
  assert.deepEqual([connections, peakConnections, accepted], [1, 2, 3]);
});

test('after stop nothing listens, no timer is left, and stopping twice is fine', async () => {
  const clock = new FakeClock();
  const sandbox = await startSandbox({ clock, knobs: { latencyMs: 10 } });
  const client = await RawClient.open(sandbox.port);
  client.send(1, { count: 'c' });
  await timersOf(clock, 1);
  await sandbox.stop();
  await sandbox.stop();
  await client.closed;
  assert.equal(clock.timers, 0);
  const [error] = (await once(connect(sandbox.port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
});

test('a port that is taken is refused with the system error', async (t) => {
  const { sandbox } = await start(t);
  await assert.rejects(startSandbox({ port: sandbox.port }), { code: 'EADDRINUSE' });
});
