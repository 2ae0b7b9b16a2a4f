// The topology as a table of stories: answers and failures in, who belongs, who is used and what changed out.
// Invariants tested: one primary at most, an older election never wins over a newer one, membership is bounded.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HostPort } from '../../../src/options.ts';
import { MAX_MEMBERS, Topology } from '../../../src/upstream/topology.ts';
import { OTHER_STORIES } from './topology-stories.others.ts';
import {
  described,
  type Event,
  elected,
  key,
  mongos,
  primary,
  SET_STORIES,
  type Story,
  secondary,
  seeds,
  standalone,
} from './topology-stories.ts';

function tell(topology: Topology, [host, what]: Event): string[] {
  const changes =
    what === 'down'
      ? topology.onFailure(key(host), 'refused')
      : what === 'doubt'
        ? topology.onDoubt(key(host), 'not primary')
        : topology.onAnswer(key(host), described(what), 10, 1000);
  return changes.map(({ kind, member }) => `${kind} ${member.address.host}`);
}

const hostsOf = (members: readonly { readonly address: HostPort }[]): string =>
  members.map(({ address }) => address.host).join('');

function makeTopology(story: Pick<Story, 'seeds' | 'replicaSet' | 'isDirect'>): Topology {
  return new Topology({
    seeds: seeds(story.seeds),
    replicaSet: story.replicaSet ?? null,
    isDirect: story.isDirect ?? false,
  });
}

describe('a topology', () => {
  for (const story of [...SET_STORIES, ...OTHER_STORIES]) {
    test(story.what, () => {
      const topology = makeTopology(story);
      const changes = story.events.flatMap((event) => tell(topology, event));
      assert.equal(topology.kind, story.kind);
      assert.equal(hostsOf(topology.members), story.members);
      assert.equal(hostsOf(topology.usable), story.usable);
      if (story.changes !== undefined) assert.deepEqual(changes, story.changes);
      if (topology.kind !== 'sharded') assert.ok(topology.usable.length <= 1);
    });
  }

  test('says why', () => {
    const topology = makeTopology({ seeds: 'ab' });
    topology.onAnswer(key('a'), described(elected('ab', 1)), 1, 0);
    const [stepDown] = topology.onAnswer(key('a'), described(secondary('ab')), 1, 0);
    assert.match(stepDown?.reason ?? '', /secondary, and does not accept writes/);
    const [removed] = topology.onAnswer(key('b'), described({ ...secondary('ab'), setName: 'x' }), 1, 0);
    assert.match(removed?.reason ?? '', /replica set x, not rs/);
  });

  test('is bounded, whatever a member names', () => {
    const topology = makeTopology({ seeds: 'a' });
    for (let round = 0; round < 5; round++) {
      const hosts = Array.from({ length: 100 }, (_, i) => `h${round}-${i}:27017`);
      topology.onAnswer(key('a'), { ...described(secondary('')), hosts: [key('a'), ...hosts] }, 1, 0);
    }
    assert.equal(topology.members.length, MAX_MEMBERS);
  });

  test('that lost all its members begins again with its seeds', () => {
    const topology = makeTopology({ seeds: 'a', replicaSet: 'rs' });
    tell(topology, ['a', mongos]);
    assert.equal(topology.members.length, 0);
    assert.deepEqual(
      topology.onLostSight().map(({ kind, member }) => `${kind} ${member.key}`),
      ['added a:27017'],
    );
    tell(topology, ['a', elected('a', 1)]);
    assert.equal(hostsOf(topology.usable), 'a');
  });

  test('that lost sight of its set looks at its seeds again, and forgets no election', () => {
    const topology = makeTopology({ seeds: 's' });
    tell(topology, ['s', elected('ab', 5)]);
    tell(topology, ['a', elected('ab', 5)]);
    tell(topology, ['a', 'down']);
    assert.deepEqual(
      topology.onLostSight().map(({ member }) => member.key),
      ['s:27017'],
    );
    tell(topology, ['b', elected('ab', 4)]);
    assert.equal(hostsOf(topology.usable), '', 'an older election');
  });
});

describe('round trips', () => {
  test('are averaged, a fifth of each new one, and measured anew after a loss', () => {
    const topology = makeTopology({ seeds: 'a' });
    const rtt = (ms: number): number | null => {
      topology.onAnswer(key('a'), described(standalone), ms, 5000);
      return topology.member(key('a'))?.rttMs ?? null;
    };
    assert.equal(rtt(100), 100);
    assert.equal(rtt(50), 90);
    tell(topology, ['a', 'down']);
    assert.equal(topology.member(key('a'))?.rttMs, null);
    assert.equal(rtt(7), 7);
  });

  test('failures are counted until the next answer', () => {
    const topology = makeTopology({ seeds: 'a' });
    tell(topology, ['a', 'down']);
    tell(topology, ['a', 'down']);
    tell(topology, ['a', 'doubt']);
    assert.equal(topology.member(key('a'))?.failures, 2);
    tell(topology, ['a', standalone]);
    assert.equal(topology.member(key('a'))?.failures, 0);
  });
});

describe('seeds that are looked up again', () => {
  test('add and remove mongos', () => {
    const topology = makeTopology({ seeds: 'ab' });
    tell(topology, ['a', mongos]);
    tell(topology, ['b', mongos]);
    const changes = topology.onSeeds(seeds('bc')).map(({ kind, member }) => `${kind} ${member.address.host}`);
    assert.deepEqual(changes, ['unusable a', 'removed a', 'added c']);
  });

  test('say nothing to a set that knows itself', () => {
    const topology = makeTopology({ seeds: 'a' });
    tell(topology, ['a', primary('ab')]);
    assert.deepEqual(topology.onSeeds(seeds('xy')), []);
    assert.equal(hostsOf(topology.members), 'ab');
  });

  test('with a set name: what is no member of it is removed', () => {
    const topology = makeTopology({ seeds: '' });
    topology.requireSet('rs');
    topology.onSeeds(seeds('ab'));
    assert.equal(topology.kind, 'replica_set');
    tell(topology, ['a', standalone]);
    tell(topology, ['b', primary('b')]);
    assert.equal(hostsOf(topology.members), 'b');
  });
});
