// What a client takes weir for, by its listener and its own hello: mongos, one server, a service behind a load balancer.
// Fields of hello that all faces share are greeter.test.ts. Invariants tested: a serviceId only for those who said
// loadBalanced, one for the whole weir; no face lets a state change of the server through.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, ObjectId } from '../../../codecs/index.ts';
import { makeServiceId } from '../../../src/downstream/service-id.ts';
import type { Face } from '../../../src/options.ts';
import { makeRig, type Rig, startRig } from '../../support/rig.ts';
import { clientDocument, type TestClient } from '../../support/test-client.ts';

const FACES: readonly Face[] = ['mongos', 'direct'];
/** What types a server for a driver (protocol.md 2.4). */
const TYPING = ['msg', 'setName', 'hosts', 'me', 'isreplicaset', 'secondary', 'arbiterOnly', 'serviceId'] as const;

function typing(answer: BsonDocument): string[] {
  return TYPING.filter((field) => field in answer);
}

function greeted(rig: Rig, extra: BsonDocument = {}): TestClient {
  const client = rig.connectClient();
  client.hello('shop', extra);
  assert.equal(client.last['ok'], 1);
  return client;
}

describe('hello in the face', () => {
  const EXPECTED: Readonly<Record<Face, readonly string[]>> = { mongos: ['msg'], direct: [] };
  for (const face of FACES) {
    test(`${face}: a client that asks for nothing`, () => {
      const rig = startRig({ listener: { face } });
      for (const extra of [{}, { loadBalanced: false }, { loadBalanced: 1 }, { loadBalanced: 'true' }]) {
        const client = greeted(rig, extra);
        assert.deepEqual(typing(client.last), EXPECTED[face]);
        client.query({ isMaster: 1 });
        assert.deepEqual(typing(client.last), EXPECTED[face]);
        assert.equal(client.last['ismaster'], true);
      }
    });

    test(`${face}: one that says loadBalanced gets a service`, () => {
      const rig = startRig({ listener: { face } });
      const client = greeted(rig, { loadBalanced: true, helloOk: true });
      assert.deepEqual(typing(client.last), ['msg', 'serviceId']);
      assert.ok(client.last['serviceId'] instanceof ObjectId);
      assert.equal(client.last['helloOk'], true);
      client.send({ hello: 1, $db: 'admin' });
      assert.deepEqual(typing(client.last), ['msg', 'serviceId'], 'and keeps it');
      assert.deepEqual(typing(greeted(rig).last), EXPECTED[face], 'its neighbour does not');
    });
  }

  test('loadBalanced, before the first contact: answered with it', () => {
    const rig = makeRig();
    const client = rig.connectClient();
    client.hello('shop', { loadBalanced: true });
    rig.cluster.start();
    rig.settle();
    assert.deepEqual(typing(client.last), ['msg', 'serviceId']);
  });
});

describe('the serviceId', () => {
  test('is one for all connections and listeners, as long as the process runs', () => {
    const rig = startRig();
    const ids = [1, 2, 3].map(() => String(greeted(rig, { loadBalanced: true }).last['serviceId']));
    rig.clock.advance(1_000_000);
    ids.push(String(greeted(rig, { loadBalanced: true }).last['serviceId']));
    assert.equal(new Set(ids).size, 1);
  });

  test('is made from what the process draws at its start', () => {
    const draws = Array.from({ length: 24 }, (_, index) => index / 24);
    const random = (): number => draws.shift() ?? 0;
    const [first, second] = [makeServiceId(random), makeServiceId(random)];
    assert.equal(first.toHexString(), '000a15202a35404a55606a75');
    assert.notEqual(first.toHexString(), second.toHexString());
  });
});

describe('a server that is no primary any more', () => {
  const lost: BsonDocument = { ok: 0, errmsg: 'not primary', code: 91, codeName: 'ShutdownInProgress' };
  for (const face of [...FACES, 'loadBalanced'] as const) {
    test(`is 6 HostUnreachable in the face ${face}: 91 would clear the pool of the driver`, () => {
      const rig = startRig(face === 'loadBalanced' ? {} : { listener: { face } });
      const client = greeted(rig, face === 'loadBalanced' ? { loadBalanced: true } : {});
      client.send({ insert: 'goods' });
      rig.answer('insert', lost);
      assert.deepEqual([client.last['code'], client.last['codeName']], [6, 'HostUnreachable']);
    });
  }
});

describe('a login', () => {
  test('hello tells nothing of mechanisms, as a server does for a user it does not know', () => {
    const rig = startRig();
    const client = greeted(rig, {
      saslSupportedMechs: 'admin.me',
      speculativeAuthenticate: { saslStart: 1, mechanism: 'SCRAM-SHA-256', payload: 'x', db: 'admin' },
      client: clientDocument('shop'),
    });
    assert.equal('saslSupportedMechs' in client.last, false);
    assert.equal('speculativeAuthenticate' in client.last, false);
    client.send({ saslStart: 1, mechanism: 'SCRAM-SHA-1', payload: 'n,,n=me', $db: 'admin' });
    assert.equal(client.last['code'], 18);
    assert.match(String(client.last['errmsg']), /logins are not supported/);
  });
});
