// Keys are derived once for each salt, shared by those who ask at the same time, and never kept without bound.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SecretText } from '../../../../src/core/secret.ts';
import { SaltedKeys } from '../../../../src/upstream/login/salted-keys.ts';

const saltOf = (text: string): { salt: Buffer; iterations: number } => ({ salt: Buffer.from(text), iterations: 4096 });

/** A password that counts how often it is looked at: once for each derivation. */
function countingKeys(password = 'pencil'): { keys: SaltedKeys; reveals: () => number } {
  let reveals = 0;
  const secret = {
    reveal: () => {
      reveals++;
      return password;
    },
    toJSON: () => '',
  };
  return { keys: new SaltedKeys('user', secret), reveals: () => reveals };
}

describe('SaltedKeys', () => {
  it('derives once for those who ask together and those who ask later', async () => {
    const { keys, reveals } = countingKeys();
    const both = await Promise.all([keys.derive('SCRAM-SHA-1', saltOf('a')), keys.derive('SCRAM-SHA-1', saltOf('a'))]);
    assert.equal(both[0], both[1]);
    assert.equal(await keys.derive('SCRAM-SHA-1', saltOf('a')), both[0]);
    assert.equal(reveals(), 1);
  });

  it('tells salts, counts and mechanisms apart', async () => {
    const { keys, reveals } = countingKeys();
    await keys.derive('SCRAM-SHA-1', saltOf('a'));
    await keys.derive('SCRAM-SHA-1', saltOf('b'));
    await keys.derive('SCRAM-SHA-256', saltOf('a'));
    await keys.derive('SCRAM-SHA-1', { ...saltOf('a'), iterations: 4097 });
    assert.equal(reveals(), 4);
  });

  it('keeps sixteen, the youngest', async () => {
    const { keys, reveals } = countingKeys();
    for (let salt = 0; salt < 17; salt++) await keys.derive('SCRAM-SHA-1', saltOf(`s${salt}`));
    await keys.derive('SCRAM-SHA-1', saltOf('s1'));
    assert.equal(reveals(), 17);
    await keys.derive('SCRAM-SHA-1', saltOf('s0'));
    assert.equal(reveals(), 18);
  });

  it('keeps no failure', async () => {
    const keys = new SaltedKeys('user', new SecretText('\u0007'));
    await assert.rejects(keys.derive('SCRAM-SHA-256', saltOf('a')), /SASLprep/);
    await assert.rejects(keys.derive('SCRAM-SHA-256', saltOf('a')), /SASLprep/);
  });
});
