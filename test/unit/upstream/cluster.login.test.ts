// How weir's own user fares at a deployment: asked as soon as a server is up, before any application came, and again while it
// is refused. The messages are login/*.test.ts. Invariant tested: a refusal is known without an operation, and so is its end.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Credential } from '../../../src/options.ts';
import { makeRig, type Rig, startRig } from '../../support/rig.ts';
import { cursorReply } from '../../support/test-client.ts';

const CREDENTIAL: Credential = { mechanism: 'MONGODB-X509', username: null };

const start = (): Rig => startRig({ cluster: { credential: CREDENTIAL } });

/** Answers the logins that are under way; how many they were. */
function answerLogins(rig: Rig, isRight: boolean): number {
  const logins = rig.server.open('authenticate');
  for (const login of logins) login.reply(isRight ? {} : { ok: 0, code: 18, errmsg: 'no user CN=weir' });
  rig.settle();
  return logins.length;
}

const lastErrorOf = (rig: Rig): string | null | undefined => rig.cluster.members()[0]?.lastError;

describe('the login of a cluster', () => {
  test('without a user there is none, and no connection before it is needed', () => {
    const rig = startRig();
    assert.equal(rig.cluster.login, 'none');
    assert.equal(rig.server.pooled.length, 0);
  });

  test('is tried as soon as the server is up', () => {
    const rig = makeRig({ cluster: { credential: CREDENTIAL } });
    assert.equal(rig.cluster.login, 'pending');
    rig.cluster.start();
    rig.clock.advance(0);
    assert.equal(rig.cluster.isUp, true);
    assert.equal(rig.cluster.login, 'pending');
    assert.equal(answerLogins(rig, true), 1);
    assert.equal(rig.cluster.login, 'works');
    assert.equal(rig.server.pooled.length, 1);
  });

  test('that is refused is tried again, one at a time, without any operation', () => {
    const rig = start();
    let attempts = answerLogins(rig, false);
    assert.equal(rig.cluster.login, 'refused');
    assert.equal(rig.cluster.isUp, true, 'its monitor does not log in');
    assert.match(lastErrorOf(rig) ?? '', /refused the login by certificate/);
    assert.doesNotMatch(lastErrorOf(rig) ?? '', /CN=weir/);
    for (let second = 0; second < 60; second++) {
      rig.clock.advance(1000);
      const logins = answerLogins(rig, false);
      assert.ok(logins <= 1);
      attempts += logins;
      assert.equal(rig.cluster.login, 'refused');
    }
    assert.ok(attempts >= 6 && attempts <= 10, `${attempts} attempts in a minute`);
    for (let second = 0; second < 15 && answerLogins(rig, true) === 0; second++) rig.clock.advance(1000);
    assert.equal(rig.cluster.login, 'works');
    assert.equal(lastErrorOf(rig), null);
  });

  test('is not parted by a later refusal, as long as a connection is left', () => {
    const rig = start();
    answerLogins(rig, true);
    const [first, second] = [rig.app('a'), rig.app('b')];
    first.send({ find: 'x' });
    second.send({ find: 'y' });
    rig.settle();
    assert.equal(answerLogins(rig, false), 1);
    assert.equal(rig.cluster.login, 'works');
    assert.notEqual(lastErrorOf(rig), null, 'people are told');
    rig.answer('find', cursorReply(0, 'x'));
    for (const connection of rig.server.pooled) connection.socket.hangUp();
    rig.settle();
    assert.equal(rig.cluster.login, 'refused');
  });

  test('is pending again when all connections are lost', () => {
    const rig = start();
    answerLogins(rig, true);
    rig.server.kill();
    rig.settle();
    assert.equal(rig.cluster.login, 'pending');
  });
});
