// Stories of replica sets as data: what members say, and what must be believed of it. topology.test.ts tells them.
// Invariant: hosts are single letters, all on the default port.

import type { HostPort } from '../../../src/options.ts';
import type { ServerDescription } from '../../../src/upstream/server-description.ts';
import type { TopologyKind } from '../../../src/upstream/topology.ts';

export const key = (host: string): string => `${host}:27017`;
export const seeds = (hosts: string): HostPort[] => [...hosts].map((host) => ({ host, port: 27_017 }));

const BASE: ServerDescription = {
  type: 'primary',
  isWritable: true,
  setName: 'rs',
  me: null,
  hosts: [],
  setVersion: null,
  electionId: null,
  minWireVersion: 0,
  maxWireVersion: 25,
  maxBsonObjectSize: 16_777_216,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  logicalSessionTimeoutMinutes: 30,
  processId: '',
};

/** Hosts as letters: `abc`. */
export interface Said extends Partial<Omit<ServerDescription, 'hosts' | 'me'>> {
  readonly hosts?: string;
  readonly me?: string;
}

export function described({ hosts = '', me, ...over }: Said): ServerDescription {
  return { ...BASE, ...over, hosts: [...hosts].map(key), me: me === undefined ? null : key(me) };
}

export const primary = (hosts: string, over: Said = {}): Said => ({ hosts, ...over });
export const elected = (hosts: string, election: number, setVersion = 1, over: Said = {}): Said => ({
  hosts,
  electionId: election.toString(16).padStart(24, '0'),
  setVersion,
  ...over,
});
export const secondary = (hosts: string, over: Said = {}): Said => ({
  type: 'secondary',
  isWritable: false,
  hosts,
  ...over,
});
export const mongos: Said = { type: 'mongos', setName: null };
export const standalone: Said = { type: 'standalone', setName: null };
export const ghost: Said = { type: 'ghost', setName: null, isWritable: false };

/** `down` and `doubt` are told of a member; anything else is its answer. */
export type Event = readonly [host: string, what: Said | 'down' | 'doubt'];

export interface Story {
  readonly what: string;
  readonly seeds: string;
  readonly replicaSet?: string;
  readonly isDirect?: boolean;
  readonly events: readonly Event[];
  readonly kind: TopologyKind;
  /** In the order in which they came to be known. */
  readonly members: string;
  readonly usable: string;
  /** All changes, `usable a` for one. */
  readonly changes?: readonly string[];
}

export const SET_STORIES: readonly Story[] = [
  {
    what: 'a set found from one seed, its primary',
    seeds: 'a',
    events: [['a', primary('abc')]],
    kind: 'replica_set',
    members: 'abc',
    usable: 'a',
    changes: ['added b', 'added c', 'usable a'],
  },
  {
    what: 'a set found from one seed, a secondary',
    seeds: 'b',
    events: [
      ['b', secondary('abc')],
      ['a', primary('abc')],
    ],
    kind: 'replica_set',
    members: 'bac',
    usable: 'a',
    changes: ['added a', 'added c', 'usable a'],
  },
  {
    what: 'a seed that calls itself by another name gives way to it',
    seeds: 'x',
    events: [
      ['x', secondary('ab', { me: 'a' })],
      ['b', primary('ab', { me: 'b' })],
    ],
    kind: 'replica_set',
    members: 'ab',
    usable: 'b',
    changes: ['removed x', 'added a', 'added b', 'usable b'],
  },
  {
    what: 'a primary that does not name itself gives way to whom it names',
    seeds: 'x',
    events: [
      ['x', primary('ab')],
      ['a', primary('ab')],
    ],
    kind: 'replica_set',
    members: 'ab',
    usable: 'a',
    changes: ['removed x', 'added a', 'added b', 'usable a'],
  },
  {
    what: 'a primary that names nobody is used, and says nothing of the others',
    seeds: 'ab',
    events: [['a', primary('')]],
    kind: 'replica_set',
    members: 'ab',
    usable: 'a',
  },
  {
    what: 'a member of another set than the first one told',
    seeds: 'ab',
    events: [
      ['a', primary('ab')],
      ['b', secondary('ab', { setName: 'other' })],
    ],
    kind: 'replica_set',
    members: 'a',
    usable: 'a',
    changes: ['usable a', 'removed b'],
  },
  {
    what: 'a set of another name than configured',
    seeds: 'ab',
    replicaSet: 'mine',
    events: [
      ['a', primary('ab')],
      ['b', primary('ab', { setName: 'mine' })],
    ],
    kind: 'replica_set',
    members: 'ba',
    usable: 'b',
    changes: ['removed a', 'added a', 'usable b'],
  },
  {
    what: 'a primary steps down',
    seeds: 'ab',
    events: [
      ['a', primary('ab')],
      ['a', secondary('ab')],
    ],
    kind: 'replica_set',
    members: 'ab',
    usable: '',
    changes: ['usable a', 'unusable a'],
  },
  {
    what: 'a new primary makes the old one unknown',
    seeds: 'ab',
    events: [
      ['a', elected('ab', 1)],
      ['b', elected('ab', 2)],
    ],
    kind: 'replica_set',
    members: 'ab',
    usable: 'b',
    changes: ['usable a', 'unusable a', 'usable b'],
  },
  {
    what: 'an old primary that still thinks so is not believed',
    seeds: 'ab',
    events: [
      ['b', elected('ab', 2)],
      ['a', elected('ab', 1)],
    ],
    kind: 'replica_set',
    members: 'ab',
    usable: 'b',
    changes: ['usable b'],
  },
  {
    what: 'since 6.0 the election decides before the version of the set',
    seeds: 'ab',
    events: [
      ['a', elected('ab', 2, 1)],
      ['b', elected('ab', 1, 9)],
    ],
    kind: 'replica_set',
    members: 'ab',
    usable: 'a',
  },
  {
    what: 'before 6.0 the version of the set decides before the election',
    seeds: 'ab',
    events: [
      ['a', elected('ab', 2, 1, { maxWireVersion: 13 })],
      ['b', elected('ab', 1, 9, { maxWireVersion: 13 })],
    ],
    kind: 'replica_set',
    members: 'ab',
    usable: 'b',
  },
  {
    what: 'before 6.0: an older election of the same version is not believed',
    seeds: 'ab',
    events: [
      ['a', elected('ab', 2, 1, { maxWireVersion: 13 })],
      ['b', elected('ab', 1, 1, { maxWireVersion: 13 })],
    ],
    kind: 'replica_set',
    members: 'ab',
    usable: 'a',
  },
  {
    what: 'a primary without an election is older than any that has one',
    seeds: 'ab',
    events: [
      ['a', elected('ab', 1)],
      ['b', primary('ab')],
    ],
    kind: 'replica_set',
    members: 'ab',
    usable: 'a',
  },
  {
    what: 'the same election with a newer version of the set is believed',
    seeds: 'ab',
    events: [
      ['a', elected('ab', 5, 1)],
      ['a', elected('abc', 5, 2)],
    ],
    kind: 'replica_set',
    members: 'abc',
    usable: 'a',
  },
  {
    what: 'the primary takes a member out',
    seeds: 'abc',
    events: [
      ['a', elected('abc', 1)],
      ['a', elected('ab', 1, 2)],
    ],
    kind: 'replica_set',
    members: 'ab',
    usable: 'a',
    changes: ['usable a', 'removed c'],
  },
  {
    what: 'a secondary takes nobody out and, beside a primary, brings nobody in',
    seeds: 'abc',
    events: [
      ['a', primary('abc')],
      ['b', secondary('bd')],
    ],
    kind: 'replica_set',
    members: 'abc',
    usable: 'a',
  },
  {
    what: 'a removed primary is used no more',
    seeds: 'ab',
    events: [
      ['a', elected('ab', 1)],
      ['b', elected('b', 2, 2)],
    ],
    kind: 'replica_set',
    members: 'b',
    usable: 'b',
    changes: ['usable a', 'unusable a', 'removed a', 'usable b'],
  },
  {
    what: 'a primary that became a standalone is no member',
    seeds: 'ab',
    events: [
      ['a', primary('ab')],
      ['a', standalone],
    ],
    kind: 'replica_set',
    members: 'b',
    usable: '',
    changes: ['usable a', 'unusable a', 'removed a'],
  },
  {
    what: 'a primary that restarts is a ghost for a while',
    seeds: 'ab',
    events: [
      ['a', primary('ab')],
      ['a', ghost],
      ['a', primary('ab')],
    ],
    kind: 'replica_set',
    members: 'ab',
    usable: 'a',
    changes: ['usable a', 'unusable a', 'usable a'],
  },
  {
    what: 'arbiters and hidden members are never used',
    seeds: 'abc',
    events: [
      ['a', secondary('abc')],
      ['b', { type: 'arbiter', isWritable: false, hosts: 'abc' }],
      ['c', { type: 'other', isWritable: false, hosts: 'abc' }],
    ],
    kind: 'replica_set',
    members: 'abc',
    usable: '',
    changes: [],
  },
  {
    what: 'a primary that says it is none any more is unknown until it is asked',
    seeds: 'ab',
    events: [
      ['a', primary('ab')],
      ['a', 'doubt'],
    ],
    kind: 'replica_set',
    members: 'ab',
    usable: '',
    changes: ['usable a', 'unusable a'],
  },
];
