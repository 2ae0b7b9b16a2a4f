// Every pair of state and event of an upstream connection: legal with its result, or refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ConnectionEvent,
  type ConnectionState,
  nextConnectionState,
} from '../../../src/upstream/connection-state.ts';

const STATES: readonly ConnectionState[] = ['handshaking', 'idle', 'busy', 'closed'];
const EVENTS: readonly ConnectionEvent[] = ['greeted', 'sent', 'drained', 'closed'];
const LEGAL: Readonly<Record<string, ConnectionState>> = {
  'handshaking greeted': 'idle',
  'handshaking closed': 'closed',
  'idle sent': 'busy',
  'idle closed': 'closed',
  'busy sent': 'busy',
  'busy drained': 'idle',
  'busy closed': 'closed',
};

test('the table of an upstream connection', () => {
  for (const state of STATES) {
    for (const event of EVENTS) {
      const expected = LEGAL[`${state} ${event}`];
      if (expected === undefined)
        assert.throws(() => nextConnectionState(state, event), new RegExp(`'${event}'.*'${state}'`));
      else assert.equal(nextConnectionState(state, event), expected, `${state} ${event}`);
    }
  }
});
