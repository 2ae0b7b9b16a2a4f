// What is made of DNS answers for mongodb+srv. The answers are given, no name is looked up.
// Invariant tested: no server outside the domain, no option beyond the three.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type DnsClient, DnsSrvResolver, type SrvAnswer } from '../../../src/net/srv-resolver.ts';

interface Zone {
  readonly srv?: readonly string[];
  readonly txt?: readonly (readonly string[])[];
}

const failure = (code: string): Error => Object.assign(new Error(`query ${code}`), { code });

function dnsOf({ srv = [], txt }: Zone, asked: string[] = []): DnsClient {
  return {
    resolveSrv: (name) => {
      asked.push(`SRV ${name}`);
      return Promise.resolve(srv.map((server, index) => ({ name: server, port: 27_017 + index })));
    },
    resolveTxt: (name) => {
      asked.push(`TXT ${name}`);
      return txt === undefined ? Promise.reject(failure('ENODATA')) : Promise.resolve(txt);
    },
  };
}

function resolve(zone: Zone, host = 'db.example.com', maxHosts = 0, random = 0.99): Promise<SrvAnswer> {
  return new DnsSrvResolver(() => random, dnsOf(zone)).resolve({ host, service: 'mongodb', maxHosts });
}

const hostsOf = ({ seeds }: SrvAnswer): string[] => seeds.map(({ host, port }) => `${host}:${port}`);

describe('seeds that are looked up', () => {
  test('by service and name, in lower case, without the final dot', async () => {
    const asked: string[] = [];
    const resolver = new DnsSrvResolver(() => 0, dnsOf({ srv: ['A.Example.com.', 'b.example.com'] }, asked));
    const answer = await resolver.resolve({ host: 'db.example.com', service: 'shard', maxHosts: 0 });
    assert.deepEqual(asked.toSorted(), ['SRV _shard._tcp.db.example.com', 'TXT db.example.com']);
    assert.deepEqual(hostsOf(answer), ['a.example.com:27017', 'b.example.com:27018']);
    assert.deepEqual([answer.authSource, answer.replicaSet], [null, null]);
  });

  const OUTSIDE: readonly (readonly [host: string, server: string])[] = [
    ['db.example.com', 'a.example.org'],
    ['db.example.com', 'example.com'],
    ['db.example.com', 'a.badexample.com'],
    ['example.com', 'a.com'],
    ['example.com', 'example.com'],
    ['localhost', 'localhost'],
    ['localhost', 'a.b'],
  ];
  for (const [host, server] of OUTSIDE) {
    test(`${server} is none of ${host}`, async () => {
      await assert.rejects(resolve({ srv: [server] }, host), /outside/);
    });
  }

  for (const [host, server] of [
    ['example.com', 'a.example.com'],
    ['localhost', 'a.localhost'],
    ['db.cluster.example.com', 'x.y.cluster.example.com'],
  ] as const) {
    test(`${server} is one of ${host}`, async () => {
      assert.deepEqual(hostsOf(await resolve({ srv: [server] }, host)), [`${server}:27017`]);
    });
  }

  test('one bad server spoils the answer', async () => {
    await assert.rejects(resolve({ srv: ['a.example.com', 'evil.org'] }), /outside/);
  });

  test('none is an error', async () => {
    await assert.rejects(resolve({ srv: [] }), /no SRV records/);
  });

  test('so many of them as wanted, by chance, each once', async () => {
    const srv = ['a', 'b', 'c', 'd'].map((name) => `${name}.example.com`);
    assert.equal((await resolve({ srv }, undefined, 9)).seeds.length, 4);
    for (const random of [0, 0.5, 0.99]) {
      const chosen = hostsOf(await resolve({ srv }, undefined, 2, random));
      assert.equal(new Set(chosen).size, 2);
    }
    assert.deepEqual(hostsOf(await resolve({ srv }, undefined, 1, 0)), ['a.example.com:27017']);
    assert.deepEqual(hostsOf(await resolve({ srv }, undefined, 1, 0.99)), ['d.example.com:27020']);
  });

  test('more than can be monitored are cut', async () => {
    const srv = Array.from({ length: 500 }, (_, index) => `h${index}.example.com`);
    assert.equal((await resolve({ srv })).seeds.length, 128);
  });
});

describe('a TXT record', () => {
  const srv = ['a.example.com'];

  test('may name authSource and replicaSet, over several strings', async () => {
    const { authSource, replicaSet } = await resolve({ srv, txt: [['authSource=us', 'ers&replicaSet=rs0']] });
    assert.deepEqual([authSource, replicaSet], ['users', 'rs0']);
  });

  const BAD: readonly (readonly [txt: readonly (readonly string[])[], error: RegExp])[] = [
    [[['authSource=a'], ['replicaSet=b']], /several TXT/],
    [[['ssl=false']], /other options/],
    [[['authSource=a&socketTimeoutMS=500']], /other options/],
    [[['authSource=']], /empty/],
    [[['loadBalanced=true']], /load balancer/],
    [[['x'.repeat(2000)]], /too long/],
  ];
  for (const [txt, error] of BAD) {
    test(`${JSON.stringify(txt).slice(0, 50)} is refused`, async () => {
      await assert.rejects(resolve({ srv, txt }), error);
    });
  }

  test('may say loadBalanced=false', async () => {
    assert.equal((await resolve({ srv, txt: [['loadBalanced=false']] })).seeds.length, 1);
  });

  test('with a set does not go with srvMaxHosts', async () => {
    await assert.rejects(resolve({ srv, txt: [['replicaSet=rs0']] }, undefined, 1), /srvMaxHosts/);
  });

  test('that cannot be looked up fails the answer; one that is absent does not', async () => {
    const dns: DnsClient = { ...dnsOf({ srv }), resolveTxt: () => Promise.reject(failure('ESERVFAIL')) };
    const resolver = new DnsSrvResolver(() => 0, dns);
    await assert.rejects(resolver.resolve({ host: 'db.example.com', service: 'mongodb', maxHosts: 0 }), /ESERVFAIL/);
    assert.equal((await resolve({ srv })).seeds.length, 1);
  });
});
