// Waiting while no member takes operations. Invariant tested: everybody who enters leaves once, at the right time, as it must.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Lobby } from '../../../src/upstream/lobby.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { Recorder } from './fixture.ts';

function makeLobby(maxWaiters = 10): { clock: FakeClock; lobby: Lobby; recorder: Recorder } {
  const clock = new FakeClock();
  return { clock, lobby: new Lobby(clock, maxWaiters), recorder: new Recorder(clock) };
}

describe('a lobby', () => {
  test('ends its waiters at their deadlines, each as its bound says', () => {
    const { clock, lobby, recorder } = makeLobby();
    lobby.enter('ordinary', recorder.exchange('queue'));
    lobby.enter('ordinary', recorder.exchange('max', { waitBound: 'max_time', maxWaitMs: 300 }));
    lobby.enter('await', recorder.exchange('await', { waitBound: 'await', maxWaitMs: 1000 }));
    clock.advance(1000);
    assert.deepEqual(recorder.ends, ['max max_time', 'await await_turn']);
    assert.deepEqual([lobby.size('ordinary'), lobby.longestWaitMs('ordinary')], [1, 1000]);
    clock.advance(4000);
    assert.deepEqual(recorder.ends.at(-1), 'queue unreachable');
    assert.equal(clock.timers, 0);
  });

  test('one that comes late from elsewhere still ends first', () => {
    const { clock, lobby, recorder } = makeLobby();
    const early = recorder.exchange('early');
    clock.advance(3000);
    lobby.enter('ordinary', recorder.exchange('late'));
    lobby.enter('ordinary', early);
    clock.advance(2000);
    assert.deepEqual(recorder.ends, ['early unreachable']);
  });

  test('is bounded', () => {
    const { lobby, recorder } = makeLobby(1);
    lobby.enter('ordinary', recorder.exchange('one'));
    lobby.enter('ordinary', recorder.exchange('two'));
    assert.deepEqual(recorder.ends, ['two queue_full']);
  });

  test('gives all away that can go, still waiting, without an address', () => {
    const { clock, lobby, recorder } = makeLobby();
    const exchanges = ['a', 'b'].map((name) => recorder.exchange(name));
    for (const exchange of exchanges) {
      exchange.endpoint = 'old:1';
      lobby.enter('ordinary', exchange);
    }
    assert.deepEqual(lobby.evict('ordinary'), exchanges);
    assert.deepEqual(
      exchanges.map(({ state, endpoint }) => [state, endpoint]),
      [
        ['waiting', null],
        ['waiting', null],
      ],
    );
    assert.equal(clock.timers, 0);
  });

  test('closed: everybody is unreachable, who comes later too', () => {
    const { clock, lobby, recorder } = makeLobby();
    lobby.enter('ordinary', recorder.exchange('a'));
    lobby.close();
    lobby.enter('await', recorder.exchange('b'));
    assert.deepEqual(recorder.ends, ['a unreachable', 'b unreachable']);
    assert.equal(clock.timers, 0);
  });
});
