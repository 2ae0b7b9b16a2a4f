// Every pair of state and event of a client connection: legal with its result, or refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClientEvent, type ClientState, nextClientState } from '../../../src/downstream/connection-state.ts';

const STATES: readonly ClientState[] = ['ready', 'busy', 'draining', 'closed'];
const EVENTS: readonly ClientEvent[] = ['asked', 'answered', 'drain', 'closed'];
const LEGAL: Readonly<Record<string, ClientState>> = {
  'ready asked': 'busy',
  'ready closed': 'closed',
  'busy answered': 'ready',
  'busy drain': 'draining',
  'busy closed': 'closed',
  'draining drain': 'draining',
  'draining closed': 'closed',
};

test('the table of a client connection', () => {
  for (const state of STATES) {
    for (const event of EVENTS) {
      const expected = LEGAL[`${state} ${event}`];
      if (expected === undefined)
        assert.throws(() => nextClientState(state, event), new RegExp(`'${event}'.*'${state}'`));
      else assert.equal(nextClientState(state, event), expected, `${state} ${event}`);
    }
  }
});
