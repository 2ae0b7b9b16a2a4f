// A secret shows itself to reveal() alone.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { format, inspect } from 'node:util';
import { SecretText } from '../../../src/core/secret.ts';

it('shows as <secret> in every way of printing', () => {
  const secret = new SecretText('hunter2');
  const deep = { list: [{ secret }] };
  const printed = [
    String(secret),
    JSON.stringify(secret),
    JSON.stringify(deep),
    inspect(secret),
    inspect(deep, { depth: 9, showHidden: true }),
    format('%s %o %O %j', secret, secret, secret, secret),
    Object.entries(secret).join(),
    JSON.stringify({ ...secret }),
  ];
  for (const text of printed) assert.doesNotMatch(text, /hunter2/);
  assert.equal(JSON.stringify(deep), '{"list":[{"secret":"<secret>"}]}');
  assert.equal(secret.reveal(), 'hunter2');
});
