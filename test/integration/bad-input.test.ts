// What weir does with bytes that no driver sends, over real sockets: the reaction of protocol.md 1.6 row by row, the counter
// with its reason, nothing of it at the server. In every test a healthy client works on the whole time.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { encodeMessage, serialize } from '../../codecs/index.ts';
import { emptyCursor, RawServer } from '../support/raw-server.ts';
import { BAD_MESSAGES } from './harness/bad-messages.ts';
import { eventually } from './harness/eventually.ts';
import { House } from './harness/house.ts';
import { RawClient } from './harness/raw-client.ts';
import {
  body,
  element,
  forge,
  int32,
  nested,
  OP_QUERY,
  query,
  rawDocument,
  sequence,
  stringElement,
} from './harness/wire-forge.ts';

const FIND = { find: 'orders', filter: {} };
const HEALTHY = 'healthy';
const findBody = body({ ...FIND, $db: 'shop' });
const insertBody = body({ insert: 'orders', $db: 'shop' });
const one = serialize({ _id: 1 });

const db = stringElement('$db', 'shop');
const find = stringElement('find', 'orders');

let server: RawServer;
let house: House;
let healthy: RawClient;
const clients: RawClient[] = [];

before(async () => {
  server = new RawServer();
  server.script = (request) => request.reply(emptyCursor());
  await server.start();
  house = await House.start({ upstreamPort: server.port });
  healthy = await RawClient.connect(house.port);
  await healthy.hello(HEALTHY);
});

afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});

after(async () => {
  healthy.destroy();
  await house.stop();
  await server.stop();
});

async function open(allowHalfOpen = false): Promise<RawClient> {
  const client = await RawClient.connect(house.port, allowHalfOpen);
  clients.push(client);
  return client;
}

async function askHealthy(): Promise<void> {
  assert.equal((await healthy.ask({ ...FIND, comment: HEALTHY }))['ok'], 1);
}

/** What reached the server from anyone but the healthy client. */
const strangeRequests = (): number => server.requests.filter(({ document }) => document['comment'] !== HEALTHY).length;

const decodeErrors = async (): Promise<Record<string, number>> =>
  (await house.metrics()).by('weir_decode_errors_total', ['side', 'reason']);

describe('a message with', () => {
  for (const { what, bytes, reason, code, closes } of BAD_MESSAGES) {
    const reaction = code === undefined ? 'closed' : closes ? `${code}, then closed` : `${code}, kept open`;
    test(`${what}: ${reaction}, counted as ${reason}`, async () => {
      const client = await open();
      const beforehand = await decodeErrors();
      const strange = strangeRequests();
      const isQuery = bytes.length >= 16 && bytes.readInt32LE(12) === OP_QUERY;
      client.send(bytes);
      await askHealthy();

      const answer = await client.next();
      assert.equal(answer?.document['code'], code);
      if (answer !== null) {
        assert.equal(answer.responseTo, 1);
        assert.equal(answer.opcode, isQuery ? 1 : 2013, 'answered in the opcode asked in');
        assert.equal(answer.document['ok'], 0);
        assert.equal(typeof answer.document['errmsg'], 'string');
      }
      if (closes) await client.closed();
      else assert.equal((await client.ask({ ping: 1 }))['ok'], 1);
      const expected = { ...beforehand, [`downstream ${reason}`]: (beforehand[`downstream ${reason}`] ?? 0) + 1 };
      assert.deepEqual(await decodeErrors(), expected);
      assert.equal(strangeRequests(), strange, 'nothing of it reaches the server');
    });
  }

  test('an unknown optional flag bit: passed on', async () => {
    const client = await open();
    client.send(forge({ flags: 0x0100_0000, sections: [findBody] }));
    assert.equal((await client.next())?.document['ok'], 1);
  });

  test('a right checksum: passed on without it, answered without one', async () => {
    const client = await open();
    client.send(forge({ flags: 1, sections: [findBody], checksum: 'right' }));
    const answer = await client.next();
    assert.equal(answer?.document['ok'], 1);
    assert.equal(answer?.flags, 0);
  });

  test('the sequence before the body: passed on', async () => {
    const client = await open();
    client.send(forge({ sections: [sequence('documents', [one]), insertBody] }));
    assert.equal((await client.next())?.document['ok'], 1);
  });

  test('an OP_QUERY that is no command: queryFailure, kept open', async () => {
    const client = await open();
    client.send(query('shop.orders', {}));
    const answer = await client.next();
    assert.equal(answer?.opcode, 1);
    assert.equal((answer?.flags ?? 0) & 2, 2);
    assert.equal(answer?.document['code'], 5_739_101);
    assert.equal((await client.ask({ ping: 1 }))['ok'], 1);
  });

  test('a strange command and no wish for an answer: silence, kept open', async () => {
    const client = await open();
    client.send(forge({ flags: 2, sections: [body(rawDocument(find, db, db))] }));
    assert.equal((await client.ask({ ping: 1 }))['ok'], 1);
    assert.equal(client.replies.length, 1);
  });
});

describe('depth', () => {
  for (const levels of [100, 198]) {
    test(`a filter of ${levels} levels is passed on as it is`, async () => {
      const client = await open();
      const arrived = server.requests.length;
      client.send(forge({ sections: [body(rawDocument(find, element(3, 'filter', nested(levels)), db))] }));
      assert.equal((await client.next())?.document['ok'], 1);
      assert.equal(server.requests.length, arrived + 1);
      await askHealthy();
    });
  }

  for (const field of ['filter', 'comment']) {
    for (const levels of [250, 10_000]) {
      test(`a ${field} of ${levels} levels is refused with 22, and the connection lives`, async () => {
        const client = await open();
        const arrived = server.requests.length;
        client.send(forge({ sections: [body(rawDocument(find, element(3, field, nested(levels)), db))] }));
        assert.equal((await client.next())?.document['code'], 22);
        assert.equal(server.requests.length, arrived);
        await askHealthy();
      });
    }
  }

  for (const [levels, code] of [
    [100, 183],
    [10_000, 22],
  ] as const) {
    test(`client metadata of ${levels} levels is refused in both opcodes`, async () => {
      const metadata = element(3, 'client', nested(levels));
      for (const bytes of [
        forge({
          sections: [body(rawDocument(element(16, 'hello', int32(1)), metadata, stringElement('$db', 'admin')))],
        }),
        query('admin.$cmd', rawDocument(element(16, 'isMaster', int32(1)), metadata)),
      ]) {
        const client = await open();
        client.send(bytes);
        assert.equal((await client.next())?.document['code'], code);
        await askHealthy();
      }
    });
  }
});

describe('a peer that', () => {
  const bytes = encodeMessage({ ...FIND, $db: 'shop' }, 1, 0);

  test('sends one byte at a time is served like any other', async () => {
    const client = await open();
    for (const byte of bytes) {
      client.send(Buffer.from([byte]));
      await askHealthy();
    }
    assert.equal((await client.next())?.document['ok'], 1);
  });

  test('sends 40 requests at once is answered 40 times, in order', async () => {
    const client = await open();
    client.send(
      Buffer.concat(Array.from({ length: 40 }, (_, index) => encodeMessage({ ...FIND, $db: 'shop' }, index + 1, 0))),
    );
    for (let id = 1; id <= 40; id++) assert.equal((await client.next())?.responseTo, id);
    await askHealthy();
  });

  for (const how of ['closes', 'resets'] as const) {
    test(`${how} after any number of bytes leaves nothing behind`, async () => {
      for (let cut = 0; cut <= bytes.length; cut++) {
        const client = await open();
        client.send(bytes.subarray(0, cut));
        if (how === 'closes') client.socket.end();
        else client.socket.resetAndDestroy();
        await askHealthy();
      }
      await eventually('only the healthy client is left', async () => (await house.clients()).length === 1);
      await eventually('nothing runs', async () => (await house.metrics()).sum('weir_operations_active') === 0);
      await eventually('the pool is at rest', async () => (await house.pools())[0]?.busy === 0);
    });
  }

  test('goes away while its request is at the server disturbs nobody', async () => {
    const { script } = server;
    const held: (() => void)[] = [];
    server.script = (request) => {
      if (request.document['comment'] === 'leaves') held.push(() => request.reply(emptyCursor()));
      else script(request);
    };
    const client = await open();
    client.say({ ...FIND, comment: 'leaves' });
    await eventually('it is at the server', () => held.length === 1);
    client.destroy();
    await eventually('weir knows it', async () => (await house.clients()).length === 1);
    await askHealthy();
    held[0]?.();
    await eventually('its connection is free again', async () => (await house.pools())[0]?.busy === 0);
    server.script = script;
    assert.ok((await house.metrics()).sum('weir_operations_total', { outcome: 'client_gone' }) >= 1);
    await askHealthy();
  });

  test('asks a lot and reads nothing is not served further, until it reads: then all, in order', async () => {
    const { script } = server;
    let asked = 0;
    server.script = (request) => {
      if (request.document['comment'] !== 'deaf') return script(request);
      asked++;
      request.reply({ text: 'x'.repeat(1_000_000), ...emptyCursor() });
    };
    const client = await open();
    client.socket.pause();
    const wishes = 120;
    for (let index = 0; index < wishes; index++) client.say({ ...FIND, comment: 'deaf' });
    // The kernel's buffers take some of it; when nothing more was asked for in 50 turns, weir has stopped.
    let last = -1;
    let turns = 0;
    await eventually('weir stops asking', async () => {
      await askHealthy();
      turns = asked === last ? turns + 1 : 0;
      last = asked;
      return turns === 50;
    });
    assert.ok(asked < wishes / 2, `${asked} answers of 1 MB were fetched for a client that reads nothing`);
    client.socket.resume();
    for (let id = 1; id <= wishes; id++) assert.equal((await client.next())?.responseTo, id);
    server.script = script;
  });

  test('announces 48 MB and sends little costs little', async () => {
    const crowd = await Promise.all(Array.from({ length: 50 }, () => open()));
    const beforehand = process.memoryUsage();
    for (const client of crowd) client.send(forge({ sections: [body({})], claimedLength: 48_000_000 }));
    await eventually('all bytes arrived', async () => (await house.clients()).length === 51);
    await askHealthy();
    const { rss, external, arrayBuffers } = process.memoryUsage();
    const grown = Math.max(
      rss - beforehand.rss,
      external - beforehand.external,
      arrayBuffers - beforehand.arrayBuffers,
    );
    assert.ok(grown < 100_000_000, `${grown} bytes for 50 announcements of 48 MB`);
  });

  test('keeps its side open after weir closed is not kept: its socket ends', async () => {
    const client = await open(true);
    client.send(Buffer.alloc(16));
    await client.closed();
    await askHealthy();
    await eventually(
      'the socket is gone',
      () => {
        client.send(Buffer.alloc(1024));
        return client.socket.destroyed || client.socket.errored !== null;
      },
      10_000,
    );
  });
});
