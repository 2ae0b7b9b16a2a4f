// The four notations of comments. That weir reads the call sites out of them is the integration test of the demo.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { document, jsonText, keyValueList, plainText } from '../../../src/demo/comments.ts';

const forms = { jsonText, document, keyValueList, plainText };

describe('comments', () => {
  for (const [name, form] of Object.entries(forms)) {
    it(`${name} is different for every request`, () => {
      const comments = Array.from({ length: 100 }, () => JSON.stringify(form('cart#show', Math.random)));
      assert.equal(new Set(comments).size, 100);
    });
  }

  it('have the shapes that tools write', () => {
    const zero = (): number => 0;
    const traceparent = `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`;
    assert.deepEqual(JSON.parse(jsonText('Cart.show', zero) as string), {
      callingFunction: 'Cart.show',
      hostname: 'shop-3',
      httpUniqueId: '0'.repeat(24),
    });
    assert.deepEqual(document('Cart.show', zero), { callingFunction: 'Cart.show', traceparent });
    assert.equal(
      keyValueList('my cart#show', zero),
      `action='show',controller='my%20cart',framework='express',traceparent='${traceparent}'`,
    );
    assert.equal(plainText('Cart.show', zero), `Cart.show,traceparent='${traceparent}'`);
  });
});
