// The relay that other tests trust to break connections, itself tested over real sockets: each deed, and no deed.

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { encodeMessage } from '../../codecs/index.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FaultRelay } from '../support/fault-relay.ts';
import { type FaultRule, FaultScript } from '../support/fault-script.ts';
import { RawServer } from '../support/raw-server.ts';
import { eventually } from './harness/eventually.ts';
import { RawClient } from './harness/raw-client.ts';

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface Bench {
  readonly server: RawServer;
  readonly relay: FaultRelay;
  readonly client: RawClient;
}

async function connectThrough(relay: FaultRelay): Promise<RawClient> {
  const client = await RawClient.connect(relay.port);
  cleanUps.push(() => client.destroy());
  return client;
}

async function startBench(rules: readonly FaultRule[] = [], clock?: FakeClock): Promise<Bench> {
  const server = new RawServer();
  await server.start();
  cleanUps.push(() => server.stop());
  const relay = new FaultRelay(server.port, clock);
  relay.script = new FaultScript(rules);
  await relay.start();
  cleanUps.push(() => relay.stop());
  return { server, relay, client: await connectThrough(relay) };
}

const COUNT = { count: 'orders' };

describe('without a rule', () => {
  test('a message of 5 MB passes unchanged, and an end passes on', async () => {
    const { server, relay, client } = await startBench();
    const text = 'x'.repeat(5_000_000);
    server.script = (request) => request.reply({ text: request.document['text'] as unknown });
    assert.equal((await client.ask({ echo: 1, text }))['text'], text);
    client.socket.end();
    await eventually('the server hears it', () => server.connections.size === 0);
    await eventually('nothing is left', () => relay.open === 0);
  });

  test('what is no message passes as it came, behind messages and in pieces', async () => {
    const { server, client } = await startBench();
    const garbage = Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const sent = Buffer.concat([encodeMessage({ count: 'a', $db: 'shop' }, 1, 0), garbage, garbage]);
    const heard: Buffer[] = [];
    await eventually('it is there', () => server.connections.size === 1);
    for (const { socket } of server.connections) {
      socket.removeAllListeners('data');
      socket.on('data', (chunk: Buffer) => heard.push(chunk));
    }
    for (const cut of [70, 75, sent.length]) client.send(sent.subarray(cut === 70 ? 0 : cut === 75 ? 70 : 75, cut));
    await eventually('all of it arrives', () => Buffer.concat(heard).equals(sent));
  });

  test('a reset passes on', async () => {
    const { server, client } = await startBench();
    await client.hello('x');
    client.socket.resetAndDestroy();
    await eventually('the server hears it', () => server.connections.size === 0);
  });
});

describe('a rule', () => {
  for (const [what, rule, struckBy] of [
    ['every third', { every: 3 }, [3, 6]],
    ['the second', { nth: 2 }, [2]],
    ['another command', { command: 'find' }, []],
    ['its application', { app: 'mine', nth: 1 }, [1]],
    ['another application', { app: 'other' }, []],
    ['its connection', { connection: 1, nth: 4 }, [4]],
    ['another connection', { connection: 2 }, []],
  ] as const) {
    test(`strikes ${what}`, async () => {
      const deed = { do: 'replace', with: Buffer.alloc(0) } as const;
      const { server, relay, client } = await startBench();
      await client.hello('mine');
      relay.script = new FaultScript([{ way: 'request', deed, ...rule }]);
      for (let number = 1; number <= 6; number++) client.say({ ...COUNT, number });
      const expected = [1, 2, 3, 4, 5, 6].filter((number) => !(struckBy as readonly number[]).includes(number));
      const arrived = (): unknown[] => server.requests.map(({ document }): unknown => document['number']);
      await eventually('the rest arrives', () => arrived().length === expected.length);
      assert.deepEqual(arrived(), expected);
      assert.deepEqual(relay.script.struck, [struckBy.length]);
    });
  }
});

describe('a reply', () => {
  const onReply = (deed: FaultRule['deed']): FaultRule[] => [{ way: 'reply', command: 'count', deed }];

  for (const ending of ['close', 'reset'] as const) {
    for (const after of [0, 9, 30]) {
      test(`is cut after ${after} bytes by a ${ending}: both sides lose the connection`, async () => {
        const { server, client } = await startBench(onReply({ do: 'cut', after, ending }));
        client.say(COUNT);
        await client.closed();
        assert.equal(client.replies.length, 0);
        if (ending === 'close') assert.equal(client.bytesRead, after);
        client.socket.end();
        await eventually('the server too', () => server.connections.size === 0);
      });
    }
  }

  test('stops in mid-message, and the connection stays open', async () => {
    const { server, client } = await startBench(onReply({ do: 'cut', after: 20, ending: 'silence' }));
    client.say(COUNT);
    await eventually('the beginning arrives', () => client.bytesRead === 20);
    client.say({ ping: 1 });
    await eventually('requests still pass', () => server.requests.length === 2);
    assert.equal(client.isClosed, false);
    assert.equal(client.bytesRead, 20);
  });

  test('is followed by an end of this way only', async () => {
    const { server, relay } = await startBench(onReply({ do: 'half_close' }));
    const client = await RawClient.connect(relay.port, true);
    cleanUps.push(() => client.destroy());
    assert.equal((await client.ask(COUNT))['ok'], 1);
    await client.closed();
    client.say({ ping: 1 });
    await eventually('requests still pass', () => server.requestsNamed('ping').length === 1);
    assert.equal(client.replies.length, 1);
  });

  test('waits, and what is behind it waits too', async () => {
    const clock = new FakeClock();
    const { client } = await startBench(onReply({ do: 'delay', ms: 100 }), clock);
    client.say(COUNT);
    client.say({ ping: 1 });
    await eventually('it waits', () => clock.timers === 1);
    clock.advance(99);
    assert.equal(client.bytesRead, 0);
    clock.advance(1);
    await eventually('both come', () => client.replies.length === 2);
  });

  test('trickles', async () => {
    const clock = new FakeClock();
    const { client } = await startBench(onReply({ do: 'throttle', bytesPerSecond: 10 }), clock);
    client.say(COUNT);
    for (let byte = 1; byte <= 16; byte++) {
      await eventually('it waits', () => clock.timers === 1);
      clock.advance(100);
      await eventually('one byte more', () => client.bytesRead === byte);
    }
  });

  test('comes in pieces, whole in the end', async () => {
    const { client } = await startBench(onReply({ do: 'split', bytes: 7 }));
    const chunks: number[] = [];
    client.socket.on('data', (chunk: Buffer) => chunks.push(chunk.length));
    assert.equal((await client.ask(COUNT))['ok'], 1);
    assert.ok(chunks.length > 1, 'more than one piece');
  });

  test('comes twice', async () => {
    const { client } = await startBench(onReply({ do: 'repeat', times: 2 }));
    const id = client.say(COUNT);
    await eventually('both', () => client.replies.length === 2);
    assert.deepEqual(
      client.replies.map(({ responseTo }) => responseTo),
      [id, id],
    );
  });

  test('names another request', async () => {
    const { client } = await startBench(onReply({ do: 'misaddress', by: 5 }));
    const id = client.say(COUNT);
    await eventually('it comes', () => client.replies.length === 1);
    assert.equal(client.replies[0]?.responseTo, id + 5);
  });

  test('is something else', async () => {
    const { client } = await startBench(onReply({ do: 'replace', with: Buffer.alloc(8, 0x20) }));
    client.say(COUNT);
    await eventually('it comes', () => client.bytesRead === 8);
  });
});

describe('a connection', () => {
  test('is accepted and never spoken to', async () => {
    const { server, relay } = await startBench();
    await eventually('the first one is through', () => server.accepted === 1);
    relay.welcome = 'silence';
    const silent = await connectThrough(relay);
    silent.say(COUNT);
    relay.breakAll();
    await silent.closed();
    assert.equal(silent.bytesRead, 0);
    assert.equal(server.accepted, 1);
  });

  test('is broken at once', async () => {
    const { relay } = await startBench();
    relay.welcome = 'reset';
    await (await connectThrough(relay)).closed();
  });

  test('goes to a server that came back elsewhere, and finds the relay elsewhere', async () => {
    const { server, relay, client } = await startBench();
    const other = new RawServer();
    await other.start();
    cleanUps.push(() => other.stop());
    await server.stop();
    await client.closed();
    relay.target = other.port;
    assert.equal((await (await connectThrough(relay)).ask(COUNT))['ok'], 1);
    const before = relay.port;
    await relay.stop();
    assert.equal(relay.open, 0);
    await relay.start();
    assert.notEqual(relay.port, before);
    assert.equal((await (await connectThrough(relay)).ask(COUNT))['ok'], 1);
    assert.equal(other.requests.length, 2);
  });
});
